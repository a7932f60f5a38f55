"""The status of a book names what was closed last and the evidence that was kept, with the digest that proves it."""

import json
from pathlib import Path

from ledger.canonical import digest
from tests.flows.worlds import DAY, SEALED, avwap

STATUS = ("status", "--book", "SIM")
KEPT = f"{DAY}/cycles/0935/evidence/ev_{'a' * 20}"


def test_positions_closed_last_are_those_of_the_newest_trades(ready: Path) -> None:
    closed = json.loads((ready / DAY / "trades.json").read_text())["closed"]
    rows = avwap(ready, *STATUS, "--json").body["round_trips"]
    assert [each["symbol"] for each in closed] == [row["symbol"] for row in rows]
    assert [" ".join(each["exit_reasons"]) for each in closed] == [row["why"] for row in rows]


def test_evidence_is_named_by_its_line_with_the_digest_of_its_sums(home: Path) -> None:
    folder = home / KEPT
    folder.mkdir(parents=True)
    summary = {
        "action": "FROZEN",
        "evidence_id": folder.name,
        "mode": "position_sync",
        "reason": "X",
        "symbol": "SPY",
    }
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "sha256sums").write_bytes(b"sums\n")
    (folder / "inputs").mkdir()
    (folder / "inputs/positions.json").write_text("[]")
    assert [
        {
            "mode": "position_sync",
            "symbol": "SPY",
            "reason": "X",
            "action": "FROZEN",
            "id": folder.name,
            "sha256": digest(b"sums\n"),
            "path": f"SIM/{SEALED}/cycles/0935/evidence/{folder.name}",
        }
    ] == avwap(home, *STATUS, "--json").body["evidence"]
    line = next(each for each in avwap(home, *STATUS).out.splitlines() if each.startswith("EVIDENCE_REF"))
    assert f"mode=position_sync symbol=SPY reason=X action=FROZEN id={folder.name}" in line


def test_a_damaged_summary_or_trades_file_costs_its_rows_and_not_the_status(home: Path) -> None:
    (home / KEPT).mkdir(parents=True)
    (home / KEPT / "summary.json").write_text("{")
    (home / DAY / "trades.json").write_text("{")
    said = avwap(home, *STATUS, "--json")
    assert (0, [], []) == (said.code, said.body["evidence"], said.body["round_trips"])
