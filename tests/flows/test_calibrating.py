"""A book's fills become a slippage file, and the file becomes the exchange's table."""

from decimal import Decimal
from pathlib import Path

import pytest

from flows.settings import ConfigInvalid, load
from simulation.costs import cost_bps
from tests.flows.worlds import SEALED, avwap, refused, tree

SPAN = ("--book", "SIM", "--from", "2016-03-01", "--to", str(SEALED))


def test_what_is_measured_is_what_the_exchange_then_charges(home: Path) -> None:
    before, out = tree(home / "ledger"), home / "slippage.json"
    said = avwap(home, "calibrate", *SPAN, "--fills-min", "1", "--out", str(out), "--json")
    assert 0 == said.code, said.err
    rows = said.body["buckets"]
    assert said.body["fills_used"] == sum(row["measured"]["fills"] for row in rows) > 0
    assert before == tree(home / "ledger")

    shipped = load(home)
    (home / "avwap.toml").write_text('[exchange.costs]\nslippage_file = "slippage.json"\n')
    costs = load(home).exchange.costs
    for row in rows:
        whole = Decimal(row["slippage_bps"]) + Decimal(row["half_spread_bps"])
        assert whole == cost_bps(Decimal(row["adv_usd_min"]), costs)
        if row["calibrated"]:
            assert max(0.0, row["measured"]["mean_bps"]) == pytest.approx(float(whole), abs=1e-4)
    assert (costs == shipped.exchange.costs) is (load(home).config_sha256 == shipped.config_sha256)


@pytest.mark.parametrize(
    ("text", "extra", "told"),
    [
        (None, "", "slippage.json: No such file"),
        ("{}", "", "avwap calibrate writes such a file"),
        ("{}", "buckets = []\n", "both set"),
    ],
)
def test_a_slippage_file_that_cannot_be_meant_is_a_fault_of_the_configuration(
    tmp_path: Path, text: str | None, extra: str, told: str
) -> None:
    if text is not None:
        (tmp_path / "slippage.json").write_text(text)
    (tmp_path / "avwap.toml").write_text(f'[exchange.costs]\nslippage_file = "slippage.json"\n{extra}')
    with pytest.raises(ConfigInvalid, match=told):
        load(tmp_path)


def test_a_range_without_a_closed_session_and_a_file_of_another_kind_are_refused(home: Path) -> None:
    nothing = avwap(home, "calibrate", "--book", "SIM", "--from", "2015-03-01", "--to", "2015-03-02")
    refused(nothing, 2, "SESSION_NOT_OPEN", "usage")
    refused(avwap(home, "calibrate", *SPAN, "--out", "costs.csv"), 2, "USAGE", "usage")
