"""The ledger's surface is pinned, and light."""

import subprocess
import sys

import ledger


def test_the_public_names_are_these() -> None:
    expected = """
        BookLock Context Disk Fault FaultyDisk Fence Journal JournalCorrupt Loaded LocalDisk Memo ReadFault
        Report Sealed SimulatedCrash Written artifact_bytes digest first_difference fold last_sealed
        line_bytes listing parse parse_canonical plain read read_manifest revise sessions_of write write_once
    """.split()
    assert expected == ledger.__all__
    assert [] == [name for name in expected if not hasattr(ledger, name)]


def test_the_ledger_imports_no_heavy_library() -> None:
    heavy = {"numpy", "pandas", "numba", "pyarrow", "prefect", "rich", "typer", "sqlalchemy"}
    script = f"import sys, ledger; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert "[]" == done.stdout.strip()
