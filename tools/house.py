"""The style that a machine can judge, as rules over source text; each rule returns every breach it finds.

A rule is a pure function of a file's path and text, so that a test can show it a planted breach.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

FILE_LINES_MAX: Final = 450
FUNCTION_LINES_MAX: Final = 70
CLAIM_CHARS_MIN: Final = 20

AMBIENT_MODULES: Final = frozenset(
    "asyncio ftplib getpass http.client httpx multiprocessing platform random requests secrets select "
    "selectors signal smtplib socket ssl subprocess threading time urllib.request urllib3 uuid "
    "webbrowser".split()
)
"""Importing one of these below flows/ brings in a clock, chance, another process or the network."""

AMBIENT_CALLS: Final = frozenset(
    "os.environ os.getenv os.getpid os.urandom os.getcwd os.uname "
    "datetime.now datetime.utcnow datetime.today date.today "
    "datetime.datetime.now datetime.datetime.utcnow datetime.datetime.today datetime.date.today "
    "np.random.rand np.random.seed pd.Timestamp.now pd.Timestamp.today Path.cwd Path.home".split()
)
"""Dotted names that read the machine instead of an argument."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One place that breaks a rule. ``what`` is the stable part, by which an exception is granted."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


def ambient(path: str, text: str) -> tuple[Breach, ...]:
    """Clocks, chance, environment, processes and network that are imported or read instead of injected."""
    found = []
    for node in ast.walk(ast.parse(text)):
        for name in _ambient_names(node):
            found.append(Breach(path=path, line=getattr(node, "lineno", 0), what=name))
    return tuple(found)


def _ambient_names(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names if _is_ambient(alias.name))
        case ast.ImportFrom(module=str(module), names=names, level=0):
            if _is_ambient(module):
                yield module
            dotted = (f"{module}.{alias.name}" for alias in names)
            yield from (name for name in dotted if name in AMBIENT_CALLS or name in AMBIENT_MODULES)
        case ast.Attribute() if (name := _dotted(node)) in AMBIENT_CALLS:
            yield name
        case ast.Call(func=ast.Attribute() as func, args=[], keywords=[]):
            if _dotted(func).endswith("default_rng"):
                yield "default_rng() without a seed"


def _is_ambient(module: str) -> bool:
    return any(module == name or module.startswith(name + ".") for name in AMBIENT_MODULES)


def _dotted(node: ast.expr) -> str:
    """``a.b.c`` of an attribute chain, or an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (left := _dotted(node.value)):
        return f"{left}.{node.attr}"
    return ""


def broad_excepts(path: str, text: str) -> tuple[Breach, ...]:
    """Handlers that catch everything and do not raise it again."""
    return tuple(
        Breach(path=path, line=node.lineno, what="broad except")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and not _raises_again(node)
    )


def _is_broad(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(_dotted(kind).removeprefix("builtins.") in {"Exception", "BaseException"} for kind in caught)


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def long_file(path: str, text: str) -> tuple[Breach, ...]:
    """A file in which there probably is a second idea."""
    lines = text.count("\n")
    if lines <= FILE_LINES_MAX:
        return ()
    return (Breach(path=path, line=1, what=f"{lines} lines in the file, over {FILE_LINES_MAX}"),)


def long_functions(path: str, text: str) -> tuple[Breach, ...]:
    """Functions that do not fit a screen, decorators and docstring included."""
    return tuple(
        Breach(path=path, line=node.lineno, what=f"{node.name} has {length} lines, over {FUNCTION_LINES_MAX}")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    )


def no_claim(path: str, text: str) -> tuple[Breach, ...]:
    """A module that does not open with a docstring whose first line says something."""
    docstring = ast.get_docstring(ast.parse(text)) or ""
    if len(docstring.partition("\n")[0]) >= CLAIM_CHARS_MIN:
        return ()
    return (Breach(path=path, line=1, what="the module does not open with its one idea as a claim"),)


def unfinished(path: str, text: str) -> tuple[Breach, ...]:
    """Notes to self that belong in an issue, and bodies that are still to be written."""
    words = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX|NotImplemented" + r"Error)\b")
    lines: Iterable[tuple[int, str]] = enumerate(text.splitlines(), start=1)
    return tuple(
        Breach(path=path, line=number, what=match.group())
        for number, line in lines
        if (match := words.search(line))
    )
