"""An artifact is spelled, written and sealed at a small multiple of what the bytes cost without any of its promises."""

import itertools
import os
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson

from ledger import layout
from ledger.artifacts import Context, Loaded, encode, write_once
from ledger.canonical import digest, parse_canonical, plain
from ledger.disk import LocalDisk
from ledger.seal import read_manifest, seal
from schemas.scan import Scan
from strategies import scan
from strategies.scan import ScanInputs
from tools.benchmarks.result import Benchmark, Result, median, result, side_by_side
from tools.benchmarks.workspace import Workspace

BOOK: Final = "SIM"
RUNS: Final = 9
AT_MOST: Final = 3.0


def made(workspace: Workspace) -> tuple[Scan, Context]:
    """The scan of the large market, as the stage returns it."""
    panel = workspace.panel
    inputs = ScanInputs(panel=panel, quarantine={}, warnings={}, blocking=(), blocked_symbols=frozenset())
    found = scan.run(inputs, workspace.market.settings.scan)
    sha256 = workspace.market.config_sha256
    return found, Context(book_id=BOOK, session_date=panel.session_date, config_sha256=sha256)


def run_spelled(workspace: Workspace) -> Result:
    """``ledger.artifacts.encode`` beside ``orjson.dumps`` of the same values."""
    artifact, ctx = made(workspace)
    data = encode(artifact, ctx, ())
    kept = parse_canonical(data)
    document = {key: value for key, value in plain(artifact).items() if key in kept}
    said: dict[str, Any] = orjson.loads(orjson.dumps(document))
    assert len(said) >= len(Scan.model_fields) - len(Scan.LEFT_OUT), "no field was lost"
    assert said == {key: kept[key] for key in said}, "both spell the same values"
    ours, theirs = side_by_side(partial(encode, artifact, ctx, ()), partial(orjson.dumps, document), RUNS)
    ratio = median(ours) / median(theirs)
    return result("artifact-spelled", ours=ours, ratio=ratio, checksum=digest(data), at_most=AT_MOST)


def run_sealed(workspace: Workspace) -> Result:
    """A day's one file written once, fsynced and sealed, beside a plain write and fsync of its bytes."""
    artifact, ctx = made(workspace)
    data = encode(artifact, ctx, ())
    root = workspace.folder / "artifact"
    root.mkdir()
    ledgers = (LocalDisk(root / f"ledger-{number}") for number in itertools.count())
    files = (root / f"plain-{number}" for number in itertools.count())
    last = next(ledgers)

    def sealed() -> None:
        nonlocal last
        last = next(ledgers)
        write_once(last, layout.artifact(BOOK, ctx.session_date, "scan"), data)
        seal(last, ctx, None)

    ours, theirs = side_by_side(sealed, lambda: _plainly(next(files), data), RUNS)
    manifest = read_manifest(last, BOOK, ctx.session_date)
    assert isinstance(manifest, Loaded), "the day is sealed"
    assert [digest(data)] == [each.sha256 for each in manifest.artifact.files], "the seal names those bytes"
    ratio = median(ours) / median(theirs)
    return result("artifact-sealed", ours=ours, ratio=ratio, checksum=digest(data), at_most=AT_MOST)


def _plainly(path: Path, data: bytes) -> None:
    with open(path, "wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())


SPELLED: Final = Benchmark(
    name="artifact-spelled",
    what="""\
`ledger.artifacts.encode` of the scan of 3,000 symbols, as the stage returns it: header, keys sorted at every depth,
one row a line, floats as Python spells them, NaN and -0.0 refused. Theirs: `orjson.dumps` of the same values in the
order in which they come. What both spell reads back equal. Ratio: our median over theirs.""",
    run=run_spelled,
)
SEALED: Final = Benchmark(
    name="artifact-sealed",
    what="""\
Those bytes written once into a new ledger (temporary name, fsync, rename, folders fsynced), listed, hashed and
sealed by a manifest that is written the same way. Theirs: a plain write and fsync of the same bytes. Ratio: our
median over theirs.""",
    run=run_sealed,
)
