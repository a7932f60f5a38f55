"""One simulated day has one seal, whatever the hash seed, zone, locale and working directory of its process.

Each world is a fresh process that runs ``tools.prove_day`` under ``locale.setlocale(LC_ALL, "")``, so that a
comma locale or the Turkish i really reaches the code. Nine worlds cover every pair of settings; ``--all``
runs the whole product.
"""

import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
HASH_SEEDS: Final = ("0", "1", "4242")
ZONES: Final = ("UTC", "America/New_York", "Pacific/Chatham")
LOCALES: Final = ("C", "de_DE.UTF-8", "tr_TR.UTF-8")
DIRECTORIES: Final = ("root", "elsewhere")
MACHINE: Final = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "NUMBA_CACHE_DIR")
DAY_TIMEOUT_S: Final = 300
DAY: Final = (
    "import locale, runpy; locale.setlocale(locale.LC_ALL, ''); "
    "runpy.run_module('tools.prove_day', run_name='__main__', alter_sys=True)"
)
SEAL: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The settings of one process."""

    hash_seed: str
    zone: str
    locale: str
    directory: str

    def __str__(self) -> str:
        return f"seed {self.hash_seed:<5} {self.zone:<17} {self.locale:<12} {self.directory}"


def every_world(zones: Sequence[str], locales: Sequence[str]) -> tuple[World, ...]:
    """The whole product, in order."""
    return tuple(
        World(hash_seed=seed, zone=zone, locale=name, directory=directory)
        for seed, zone, name, directory in itertools.product(HASH_SEEDS, zones, locales, DIRECTORIES)
    )


def pairwise_worlds(zones: Sequence[str], locales: Sequence[str]) -> tuple[World, ...]:
    """Nine worlds in which every two settings of different kinds meet: the orthogonal array L9.

    Columns i, j, i+j and i+2j modulo 3 are pairwise independent; a kind with fewer than three settings
    repeats some, which keeps every pair.
    """
    return tuple(
        World(
            hash_seed=HASH_SEEDS[i],
            zone=zones[j % len(zones)],
            locale=locales[(i + j) % 3 % len(locales)],
            directory=DIRECTORIES[(i + 2 * j) % 3 % len(DIRECTORIES)],
        )
        for i in range(3)
        for j in range(3)
    )


def main(arguments: Sequence[str]) -> int:
    """Print each world and the one seal. Exit 0; 4 when seals differ; 1 when a day failed."""
    if set(arguments) - {"--all"}:
        print(f"refused  --prove knows --all only, not {' '.join(arguments)}")
        return 2
    with tempfile.TemporaryDirectory(prefix="avwap-prove-") as name:
        folder = Path(name)
        locales, locale_path = _locales(folder / "locales")
        zones = tuple(zone for zone in ZONES if zone == "UTC" or _zone_is_known(zone))
        for missing in sorted((set(LOCALES) - set(locales)) | (set(ZONES) - set(zones))):
            print(f"not here {missing}: this machine cannot provide it")
        worlds = (every_world if "--all" in arguments else pairwise_worlds)(zones, locales)
        with ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
            outs = [folder / f"day-{number:02}" for number in range(len(worlds))]
            seals = list(pool.map(lambda world, out: _one_day(world, out, locale_path), worlds, outs))
        return _judge(worlds, outs, seals)


def _judge(worlds: Sequence[World], outs: Sequence[Path], seals: Sequence[str]) -> int:
    """Print every world with its seal and say whether they are one."""
    for world, seal in zip(worlds, seals, strict=True):
        print(f"{world!s:<53} {seal}")
    if not all(SEAL.fullmatch(seal) for seal in seals):
        print(f"AVWAP prove: {sum(not SEAL.fullmatch(s) for s in seals)} of {len(seals)} days did not finish")
        return 1
    if len(set(seals)) > 1:
        other = next(number for number, seal in enumerate(seals) if seal != seals[0])
        print(f"first difference: {first_difference(outs[0], outs[other])} ({worlds[0]} / {worlds[other]})")
        print(f"AVWAP prove: {len(seals)} days, {len(set(seals))} seals")
        return 4
    print(f"AVWAP prove: {len(seals)} days, one seal {seals[0]}")
    return 0


def first_difference(left: Path, right: Path) -> str:
    """The first file, by name, that the two folders do not have alike."""
    names = sorted(
        {p.relative_to(side).as_posix() for side in (left, right) for p in side.rglob("*") if p.is_file()}
    )
    for name in names:
        sides = [side / name for side in (left, right)]
        if not all(side.is_file() for side in sides) or sides[0].read_bytes() != sides[1].read_bytes():
            return name
    return "none in the files; only the seals differ"


def _one_day(world: World, out: Path, locale_path: str | None) -> str:
    """The seal that one fresh process prints last, or its last words if it failed."""
    out.mkdir()
    environment = _machine() | {
        "PYTHONHASHSEED": world.hash_seed,
        "TZ": world.zone,
        "LC_ALL": world.locale,
        "PYTHONPATH": str(ROOT),
    }
    if locale_path:
        environment["LOCPATH"] = locale_path
    with tempfile.TemporaryDirectory(prefix="avwap-elsewhere-") as elsewhere:
        done = subprocess.run(
            [sys.executable, "-c", DAY, str(out)],
            env=environment,
            cwd=ROOT if world.directory == "root" else elsewhere,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=DAY_TIMEOUT_S,
        )
    said = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    last = said[-1] if said else "no output"
    return last if done.returncode == 0 else f"exit {done.returncode}: {last}"


def _machine() -> dict[str, str]:
    """What a process needs of this machine, and nothing that could steer it."""
    return {name: os.environ[name] for name in MACHINE if name in os.environ}


def _locales(folder: Path) -> tuple[tuple[str, ...], str | None]:
    """The locales that a process can take here, made with localedef where missing; and their LOCPATH."""
    found = tuple(name for name in LOCALES if _locale_is_known(name, None))
    maker = shutil.which("localedef")
    if len(found) == len(LOCALES) or maker is None:
        return found, None
    folder.mkdir()
    for name in LOCALES[1:]:
        source, charset = name.split(".")
        subprocess.run(
            [maker, "-i", source, "-f", charset, str(folder / name)], capture_output=True, check=False
        )
    return tuple(name for name in LOCALES if _locale_is_known(name, str(folder))), str(folder)


def _locale_is_known(name: str, locale_path: str | None) -> bool:
    environment = _machine() | {"LC_ALL": name} | ({"LOCPATH": locale_path} if locale_path else {})
    code = "import locale; locale.setlocale(locale.LC_ALL, '')"
    probe = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=False)
    return probe.returncode == 0


def _zone_is_known(zone: str) -> bool:
    """Whether the C library knows *zone*; an unknown one silently is UTC, and would prove nothing."""
    code = "import sys, time; sys.exit(time.timezone == 0)"
    probe = subprocess.run(
        [sys.executable, "-c", code], env=_machine() | {"TZ": zone}, capture_output=True, check=False
    )
    return probe.returncode == 0
