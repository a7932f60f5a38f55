"""Two real years of 6,968 symbols come in as fast as a person waits for them once."""

import hashlib
import os
import shutil
from functools import partial
from pathlib import Path
from typing import Final

from market.imports import import_bars
from market.store import BarStore
from tools.benchmarks.result import Benchmark, Result, median, result, timed
from tools.benchmarks.workspace import Workspace

NAME: Final = "us_wide_daily_2015_2016.parquet"
ROWS: Final = 2_740_566
RUNS: Final = 3
ROOT: Final = Path(__file__).resolve().parent.parent.parent


def run(workspace: Workspace) -> Result | None:
    """Import the real file into an empty store, beside pandas just reading it."""
    import pandas as pd

    file = Path(os.environ.get("AVWAP_TEST_DATA") or ROOT.parent / "shared" / "data") / NAME
    if not file.is_file():
        print(f"skipped  import-real needs the real data file {NAME}: set AVWAP_TEST_DATA to its folder")
        return None
    root = workspace.folder / "import"
    ours = timed(partial(_import, root, file), RUNS)
    manifest = BarStore(root).manifest()
    assert len(pd.read_parquet(file)) == ROWS, "both programs read every row"
    theirs = timed(partial(pd.read_parquet, file), RUNS)
    checksum = hashlib.sha256(manifest.model_dump_json().encode()).hexdigest()
    return result("import-real", ours=ours, ratio=median(ours) / median(theirs), checksum=checksum)


def _import(root: Path, file: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    report = import_bars(root, file)
    assert report.rows_read == ROWS, "every row was read"


IMPORT: Final = Benchmark(
    name="import-real",
    what=f"""\
`avwap data import` of two real years, {ROWS:,} rows of 6,968 symbols, into an empty store, in process: read, round,
sort, write, fsync. Skipped where the file is not. Ratio: its median over that of `pandas.read_parquet` alone.""",
    run=run,
    tell=lambda measured: f"{ROWS / measured.median_s:,.0f} rows a second",
)
