"""What the project says of itself is true: its documents, links, codes, commands, schemas and hosts."""

import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import yaml

from schemas.reasons import all_codes
from schemas.reasons.ledger import ReadFaultCode
from tests.tracked import ROOT, pyproject, text, tracked

DOCUMENTS: Final = (
    ".ci/run", ".github/ISSUE_TEMPLATE/reliability-milestone.md", ".github/pull_request_template.md",
    ".github/workflows/ci.yml", "CHANGELOG.md", "LICENSE", "Makefile", "README.md", "avwap.example.toml",
    "docs/adr/README.md", "docs/bench.md", "prefect.yaml", "runbooks/README.md", "uv.lock",
)  # fmt: skip


def test_the_required_documents_exist() -> None:
    assert [] == [name for name in DOCUMENTS if name not in tracked()]


def test_every_decision_record_is_in_the_index_and_has_its_four_parts() -> None:
    index = text("docs/adr/README.md")
    records = [name for name in tracked() if re.fullmatch(r"docs/adr/\d{4}-.*\.md", name)]
    assert 6 <= len(records)
    assert [] == [name for name in records if f"({Path(name).name})" not in index]
    parts = ("## Context", "## Decision", "## Price paid", "## What would change our mind")
    assert [] == [(name, part) for name in records for part in parts if part not in text(name)]


# --- links ----------------------------------------------------------------------------------------

LINK: Final = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")


def anchors(markdown: str) -> set[str]:
    """The fragments that headings of *markdown* make, as GitHub spells them."""
    titles = re.findall(r"^#+\s+(.*?)\s*$", markdown, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken_links(name: str, markdown: str) -> list[str]:
    """Relative links of the document *name* that lead to no file, or to no heading in it."""
    prose = re.sub(r"^```.*?^```", "", markdown, flags=re.MULTILINE | re.DOTALL)
    found = []
    for target in LINK.findall(re.sub(r"`[^`\n]*`", "", prose)):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        path, _, fragment = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        if (path and not file.exists()) or not file.resolve().is_relative_to(ROOT):
            found.append(f"{name}: {target}")
        elif fragment and file.suffix == ".md":
            there = markdown if not path else file.read_text(encoding="utf-8")
            if fragment not in anchors(there):
                found.append(f"{name}: {target}")
    return found


def test_every_relative_link_in_the_documents_resolves() -> None:
    documents = [name for name in tracked() if name.endswith(".md")]
    assert [] == [link for name in documents for link in broken_links(name, text(name))]


def test_a_link_to_nowhere_is_found() -> None:
    planted = "# Here\n[a](absent.md) [b](LICENSE) [c](#here) [d](#there) [e](../outside.md) ```[f](x)```\n"
    assert ["README.md: absent.md", "README.md: #there", "README.md: ../outside.md"] == broken_links(
        "README.md", planted
    )


# --- reason codes ---------------------------------------------------------------------------------

CODE_LINE: Final = re.compile(r"^\|\s*`([A-Z][A-Z0-9_]+)`\s*\|([^|]+)\|([^|]+)\|", flags=re.MULTILINE)


def explained(markdown: str) -> set[str]:
    """The codes that a runbook's tables give a meaning and an action."""
    return {
        code for code, *cells in CODE_LINE.findall(markdown) if all(len(cell.split()) >= 2 for cell in cells)
    }


def test_every_reason_code_in_code_has_its_line_in_a_runbook() -> None:
    runbooks = [name for name in tracked() if name.startswith("runbooks/") and name.endswith(".md")]
    told = set().union(*(explained(text(name)) for name in runbooks))
    assert [] == sorted(set(all_codes()) - told)


def test_every_code_in_a_runbook_is_one_that_code_declares() -> None:
    declared = set(all_codes())
    tables = [name for name in tracked() if re.fullmatch(r"runbooks/codes-[a-z]+\.md", name)]
    unknown = {code for name in tables for code in explained(text(name))} - declared
    # A read fault is prefixed with the artifact that could not be read: DECISION_MISSING.
    composed = {code for code in unknown if any(code.endswith(f"_{fault}") for fault in ReadFaultCode)}
    assert [] == sorted(unknown - composed)


def test_a_code_line_without_meaning_or_action_does_not_count() -> None:
    table = (
        "| `GOOD_ONE` | what it means | what to do |\n| `NO_ACTION` | it means | |\n| BARE | a b | c d |\n"
    )
    assert {"GOOD_ONE"} == explained(table)


# --- the command line -----------------------------------------------------------------------------


def readme_commands(markdown: str) -> list[tuple[str, ...]]:
    """Of every `avwap …` in fences and code spans, the leading words, which may name a command."""
    fenced = "\n".join(re.findall(r"^```[^\n]*\n(.*?)^```", markdown, flags=re.MULTILINE | re.DOTALL))
    lines = re.findall(r"^\s*(?:\$ )?(?:\S*/bin/)?avwap ([^\n#]*)", fenced, flags=re.MULTILINE)
    spans = re.findall(r"`(?:\$ )?(?:\S*/bin/)?avwap ([^`\n]*)`", markdown)
    names = (re.match(r"(?:[a-z][a-z-]*(?: |$))*", line.strip() + " ") for line in [*lines, *spans])
    return sorted({tuple(match.group().split()) for match in names if match})


def test_every_command_in_the_readme_runs_with_help() -> None:
    from typer.main import get_command
    from typer.testing import CliRunner

    app = import_module("flows.cli").app
    commands = readme_commands(text("README.md"))
    assert len(commands) >= 5, "the README shows too few commands to mean anything"
    faults = []
    for words in commands:
        node: Any = get_command(app)
        path: list[str] = []
        for word in words:
            if word not in getattr(node, "commands", {}):
                break
            node = node.commands[word]
            path.append(word)
        result = CliRunner().invoke(app, [*path, "--help"])
        if not path or result.exit_code != 0 or "Usage" not in result.output:
            faults.append(f"avwap {' '.join(words)}: exit {result.exit_code}")
    assert [] == faults


def test_commands_are_found_in_fences_and_in_spans() -> None:
    markdown = "`avwap demo`\n```sh\n$ avwap data import FILE   # bars\n.venv/bin/avwap why --book SIM\n```\n"
    assert [("data", "import"), ("demo",), ("why",)] == readme_commands(markdown)


# --- published schemas ----------------------------------------------------------------------------


def test_the_published_schemas_are_those_of_the_models() -> None:
    from tools.export_schemas import exported

    published = {
        Path(n).name: (ROOT / n).read_bytes() for n in tracked() if re.fullmatch(r"schemas/json/.*", n)
    }
    wanted = exported()
    assert sorted(wanted) == sorted(published), "make schemas writes them"
    assert [] == [name for name in wanted if wanted[name] != published[name]], "make schemas writes them"


def test_every_published_schema_is_a_valid_closed_schema() -> None:
    from tools.export_schemas import artifact_schema, artifacts, journal_schema

    for schema in [journal_schema(), *(artifact_schema(model) for model in artifacts())]:
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["additionalProperties"] is False


def test_an_artifact_with_a_field_too_many_or_of_another_kind_fails_its_schema() -> None:
    from schemas.observations import ClockObservation
    from tools.export_schemas import artifact_schema

    good = {
        "schema": "avwap.observation.clock", "schema_version": 1, "book_id": "SIM",
        "session_date": "2016-06-01", "stage": "observe", "inputs": [],
        "config_sha256": "0" * 64, "code_version": "1",
        "ok": False, "as_of": "2016-06-01T13:30:00Z", "clock": None, "cause": "TIMEOUT",
    }  # fmt: skip
    validator = jsonschema.Draft202012Validator(artifact_schema(ClockObservation))
    assert [] == list(validator.iter_errors(good))
    for bad in (good | {"extra": 1}, good | {"stage": "scan"}, good | {"ok": "no"}, good | {"inputs": [{}]}):
        assert [] != list(validator.iter_errors(bad))


# --- prefect.yaml ---------------------------------------------------------------------------------


def entry_point(entry: str) -> Any:
    """The object that an entry point of prefect.yaml names, as ``path/file.py:name`` or ``module:name``."""
    where, _, name = entry.partition(":")
    if where.endswith(".py"):
        where = where.removesuffix(".py").replace("/", ".")
    return getattr(import_module(where), name)


def test_the_entry_points_of_prefect_yaml_import() -> None:
    deployments = yaml.safe_load(text("prefect.yaml"))["deployments"]
    assert {"premarket", "cycle", "postclose"} <= {deployment["name"] for deployment in deployments}
    for deployment in deployments:
        assert callable(entry_point(deployment["entrypoint"])), deployment["name"]
        zones = {
            schedule.get("timezone") for schedule in deployment.get("schedules", ()) if "cron" in schedule
        }
        assert zones <= {"America/New_York"}, "a cron without its zone is UTC"


def test_the_console_script_imports() -> None:
    project: Any = pyproject()["project"]
    assert callable(entry_point(project["scripts"]["avwap"]))


# --- hosts and paths ------------------------------------------------------------------------------

HOSTS_ALLOWED: Final = frozenset(
    "pypi.org files.pythonhosted.org "                                 # where packages come from
    "127.0.0.1 localhost [::1] "                                       # this machine
    "apache.org www.apache.org github.com docs.github.com json-schema.org www.sec.gov sec.gov www.nyse.com "
    "docs.prefect.io docs.alpaca.markets docs.astral.sh keepachangelog.com semver.org www.w3.org "
    "docs.python.org en.wikipedia.org".split()
)  # fmt: skip
URL: Final = re.compile(r"\b[a-z][a-z0-9+.-]*://([^/\s\"'`<>)\\]*)", flags=re.IGNORECASE)
FOLDERS: Final = "|".join(["work", "root", "home", "opt", "tmp", "Users", "mnt", "srv"])
MACHINE_PATH: Final = re.compile(rf"(?<![\w.:/~<>{{}}$*%+-])/(?:{FOLDERS})(?![\w-])")
INDEX_OPTION: Final = re.compile(  # brackets around a letter keep the pattern from finding itself
    r"--(?:extra-)?[i]ndex-url|--[f]ind-links|--[t]rusted-host|\b(?:UV_[D]EFAULT_INDEX|UV_[I]NDEX|PIP_[A-Z_]+)\s*="
    r"|^\s*(?:extra-)?[i]ndex-url\s*[=:]|tool\.uv\.[i]ndex|[f]ile:///\w",
    flags=re.MULTILINE,
)


def foreign_hosts(content: str) -> set[str]:
    """Hosts in the URLs of *content* that are no public default and no document we name."""
    found = set()
    for authority in URL.findall(content):
        host = re.sub(r":[^:\]]*$", "", authority.rpartition("@")[2]).lower().rstrip(".,;:")
        if host and not host.startswith(("{", "$")) and not _is_reserved(host) and host not in HOSTS_ALLOWED:
            found.add(host)
    return found


def _is_reserved(host: str) -> bool:
    """Names that lead nowhere by RFC 2606."""
    return host.endswith((".invalid", ".example", ".test")) or host.removeprefix("www.") == "example.com"


@cache
def contents() -> dict[str, str]:
    """Every tracked file's text."""
    return {name: text(name) for name in tracked()}


def test_the_lock_and_all_files_name_no_host_but_public_ones() -> None:
    found = {name: hosts for name, content in contents().items() if (hosts := foreign_hosts(content))}
    assert {} == found


def test_the_lock_admits_every_package_by_hash_from_the_public_index() -> None:
    import tomllib

    packages = tomllib.loads(text("uv.lock"))["package"]
    for package in packages:
        if package["name"] == "avwap":
            continue
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ())]
        assert package["source"] == {"registry": "https://pypi.org/simple"}, package["name"]
        assert files, package["name"]
        assert all(file["hash"].startswith("sha256:") for file in files), package["name"]
        assert all(file["url"].startswith("https://files.pythonhosted.org/") for file in files), package[
            "name"
        ]


def test_no_file_holds_a_path_of_some_machine() -> None:
    found = [
        f"{name}:{content.count(chr(10), 0, match.start()) + 1}: {match.group()}"
        for name, content in contents().items()
        for match in MACHINE_PATH.finditer(content)
    ]
    assert [] == found


def test_no_file_holds_an_index_option() -> None:
    found = {
        name: match.group() for name, content in contents().items() if (match := INDEX_OPTION.search(content))
    }
    assert {} == found


@pytest.mark.parametrize(
    ("host", "content"),
    [
        ("mirror.corp.net", "url = https" + "://user:pw@mirror.corp.net:8080/simple"),
        ("10.0.0.7", "http" + "://10.0.0.7/pypi"),
        ("pypi.org.evil.io", "https" + "://pypi.org.evil.io/simple"),
    ],
)
def test_a_planted_host_is_found(host: str, content: str) -> None:
    assert {host} == foreign_hosts(content)


@pytest.mark.parametrize("folder", FOLDERS.split("|"))
def test_a_planted_path_is_found_and_a_pointer_is_not(folder: str) -> None:
    assert MACHINE_PATH.search(f"open('/{folder}/x')")
    assert MACHINE_PATH.search(f"cd /{folder}")
    assert not MACHINE_PATH.search(f"https://github.com/{folder}/x and ./{folder}/x and $HOME/{folder}")
    assert not MACHINE_PATH.search(f"/{folder}_left/0")


@pytest.mark.parametrize(
    "option", ["--index_url X", "--extra_index_url=X", "--find_links X", "index_url = X"]
)
def test_a_planted_index_option_is_found(option: str) -> None:
    assert INDEX_OPTION.search(option.replace("_", "-"))
