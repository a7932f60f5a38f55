"""The page: the same day gives the same bytes, nothing is fetched, and what is absent is named."""

from dataclasses import replace
from html.parser import HTMLParser
from re import sub

from analytics.report import DayFacts, Page, page_of, render
from analytics.report_chart import equity_chart
from analytics.report_text import markdown, text
from schemas.book import Side
from schemas.candidates import Candidate, Candidates
from schemas.cycle import StopLine, Stops
from schemas.decisions import Batch, Decision, Decisions, Sleeves, Verdict
from schemas.enforcement import Enforcement, RefusedEntry, Reserved
from schemas.events import PositionAdjusted
from schemas.header import Finding
from schemas.market import MarketObservation
from schemas.regime import Regime, RegimeMeasures, RegimeStatus
from tests.analytics.books import CAPITAL, Close, Ledger, close
from tests.analytics.journal_of import DAYS, at, bar, fill

MON, TUE, *_ = DAYS


def closes() -> tuple[Close, Close]:
    ledger = Ledger(cash=CAPITAL - 1000, held={("ABC", "S1_AVWAP_CORE"): 10})
    monday = close(0, [fill(MON, "buy", 10, "100")], None, ledger, [bar(MON, "100", "103", "99", "98")])
    ledger.cash, ledger.held = CAPITAL + 47, {}
    sold = fill(TUE, "sell", 10, "104.70", reason="EXIT_TIME")
    return monday, close(1, [sold], monday, ledger, [bar(TUE, "104", "105", "103", "104")])


def day() -> DayFacts:
    monday, tuesday = closes()
    return DayFacts(
        book_id="SIM",
        session_date=TUE,
        seal="ab" * 32,
        trades=tuesday.trades,
        snapshot=tuesday.snapshot,
        attribution=tuesday.attribution,
        history=(monday.snapshot, tuesday.snapshot),
    )


class _Balance(HTMLParser):
    """Open elements, every address that an element would fetch, and those that a reader may follow."""

    VOID = frozenset(("meta", "line", "polygon", "polyline", "rect"))

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        addresses = [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        (self.linked if tag == "a" else self.loaded).extend(addresses)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_same_day_gives_the_same_bytes() -> None:
    assert render(day()) == render(day())


def test_the_page_is_whole_and_fetches_nothing() -> None:
    page = _Balance()
    page.feed(render(day()))
    assert [] == page.open
    assert [] == page.loaded
    assert all(address.split("#")[0].endswith((".json", ".jsonl")) for address in page.linked)
    assert {"svg", "table", "polyline"} <= page.seen


def test_the_page_tells_the_days_trade_and_its_sum() -> None:
    page = render(day())
    for words in ("SIM 2024-03-05", "100,047.00", "ABC", "EXIT_TIME", "47.00", "The rows add up to 67.00"):
        assert words in page


def test_a_stage_without_artifact_is_named() -> None:
    bare = render(DayFacts(book_id="SIM", session_date=MON))
    for name in ("regime.json", "decisions.json", "attribution.json"):
        assert f"{name} was not written." in bare
    assert "<svg" not in bare


def test_text_from_outside_cannot_become_markup() -> None:
    hostile = Finding(code="<script>alert(1)</script>", subject="x")
    regime = Regime(
        status=RegimeStatus.SKIPPED,
        label=None,
        confidence=None,
        benchmark="SPY",
        data_session=MON,
        resolved_session=None,
        measures=RegimeMeasures(),
        reasons=(hostile,),
    )
    page = render(replace(day(), regime=regime))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_what_does_not_add_up_stands_at_the_head_of_the_page() -> None:
    _, tuesday = closes()
    broken = tuesday.snapshot.model_copy(
        update={"complete": False, "findings": (Finding(code="EQUITY_IDENTITY_BROKEN", subject="book"),)}
    )
    assert "Snapshot is not complete: EQUITY_IDENTITY_BROKEN" in render(replace(day(), snapshot=broken))


def test_shares_that_left_without_a_fill_stand_at_the_head_and_beneath_the_money() -> None:
    monday, _ = closes()
    gone = PositionAdjusted(
        event_id="adj_1",
        kind="EXTERNAL_CLOSE",
        position_id="pos_S1_AVWAP_CORE_ABC",
        strategy_id="S1_AVWAP_CORE",
        sleeve_id="S1_AVWAP_CORE_SLEEVE",
        symbol="ABC",
        quantity_before=10,
        quantity_after=0,
        reason="PHANTOM",
        at=at(TUE),
    )
    tuesday = close(1, [gone], monday, Ledger(cash=CAPITAL - 1000), [bar(TUE, "104", "105", "103", "104")])
    facts = replace(day(), trades=tuesday.trades, snapshot=tuesday.snapshot, attribution=tuesday.attribution)
    page = render(facts)
    assert "Shares came or left without a fill: ABC: EXTERNAL_CLOSE, PHANTOM (10 shares, then 0)" in page
    assert "Shares without a fill, at cost: −1,000.00" in page


def test_the_chart_spans_its_panels_and_one_close_makes_none() -> None:
    monday, tuesday = closes()
    chart = equity_chart((monday.snapshot, tuesday.snapshot))
    # 99,980 then 100,047: bottom to top; drawdown 0.02% then 0: down, then back.
    assert chart is not None
    assert "6.0,170.0 994.0,24.0" == chart.line
    assert "6.0,206.0 6.0,270.0 994.0,206.0 994.0,206.0" == chart.fall
    assert equity_chart((monday.snapshot,)) is None


def test_every_number_of_a_table_or_tile_is_a_link_to_its_value() -> None:
    page = render(morning())
    for name, value in (
        ("snapshot.json#/equity", "100,047.00"),
        ("trades.json#/closed/0", "47.00"),
        ("attribution.json#/rows/0", "67.00"),
        ("decisions.json#/verdicts/0", "700"),
        ("cycles/1600/stops.json#/positions/0", "97.90"),
    ):
        assert f'<a href="{name}">{value}</a>' in page


def test_the_ribbon_stands_higher_the_less_calm_the_label_is() -> None:
    monday, tuesday = closes()
    chart = equity_chart((monday.snapshot, tuesday.snapshot), {MON: "STRESSED", TUE: "RISK_ON"})
    assert chart is not None
    assert [("STRESSED", 28.0), ("RISK_ON", 7.0)] == [(each.label, each.height) for each in chart.bands]


def test_the_trade_shows_how_far_the_price_went_against_and_for_it() -> None:
    page = page_of(day())
    table = next(each for each in page.tables if each.title == "Closed trades")
    row = dict(zip(table.columns, table.rows[0], strict=True))
    # Bought within Monday's bar and sold within Tuesday's: its open, 104, and the exit, 104.70, lay surely inside.
    assert ("4.00", "4.70") == (row["MAE"], row["MFE"])


def test_text_and_markdown_hold_every_table_and_cell_of_the_page() -> None:
    page = page_of(morning())
    told, marked = text(page), markdown(page)
    for table in page.tables:
        assert table.title in told
        assert table.title in marked
        for row in table.rows:
            assert all(cell in told for cell in row)
    assert "| QRS |" in marked


def test_markdown_from_outside_cannot_become_markup() -> None:
    marked = markdown(Page(title="<b>|x", lines=["[a](https://example.com)"], alarms=(), tables=()))
    assert "# &lt;b>\\|x\n" in marked
    assert "\\[a\\](https://example.com)" in marked


MARKET = MarketObservation(
    data_session=MON,
    data_version="0" * 20,
    cut_at=at(TUE, -60),
    sessions_first=MON,
    sessions_last=MON,
    sessions=1,
    symbols=6_968,
    members=6_500,
    liquid_members=1_900,
    bars_at_data_session=6_400,
    benchmark="SPY",
    blocked=True,
    findings=(Finding(code="DAY_COVERAGE_LOW", subject="day"),),
    counts=(),
    lifted=(),
    actions=(),
    quarantined=(),
)
CANDIDATE = Candidate(
    rank=1,
    symbol="QRS",
    intent_id="int_1",
    strategy_id="S1_AVWAP_CORE",
    sleeve_id="core",
    tier="A",
    anchor="YTD",
    trend_score=-1.25,
    close="12.3400",
    adv_shares20="1000000",
    adv_usd20="12340000.00",
    scan_ref="/rows/0",
)
DECISION = Decision(
    decision_id="dec_1",
    intent_id="int_1",
    strategy_id="S1_AVWAP_CORE",
    sleeve_id="core",
    symbol="QRS",
    side=Side.BUY,
    rank=1,
    sequence=1,
    verdict=Verdict.BLOCK,
    q0="700",
    q1="0",
    q2="0",
    sizing=None,
    notional="0",
    risk="0",
    reasons=(Finding(code="POSITIONS_MAX", subject="QRS"),),
    room=(),
    sector=None,
    conflicts=(),
    shadow_of=None,
    shadow_verdict=None,
    shadow_q2=None,
)
REFUSED = RefusedEntry(
    intent_id="int_1",
    decision_id="dec_1",
    strategy_id="S1_AVWAP_CORE",
    sleeve_id="core",
    symbol="QRS",
    side=Side.BUY,
    rank=1,
    sequence=1,
    quantity="0",
    gate="decision",
    code="DECISION_BLOCK",
    gates=(),
)
LINE = StopLine(
    position_id="pos_1",
    strategy_id="S1_AVWAP_CORE",
    sleeve_id="core",
    symbol="ABC",
    quantity="10",
    covered="10",
    stop_before="95.0000",
    stop_after="97.9000",
    basis="daily_swing_low",
    reason="STOP_RATCHET",
    gap_s=0,
    gap_open=False,
)
NO_SLEEVES = Sleeves(
    configuration=(), allow_unsleeved=False, allow_symbol_overlap=False, uses=(), strategies=()
)
BATCH = Batch(codes=(), findings=(), equity="100000", allowed=0, resized=0, blocked=1, shadows=0)


def morning() -> DayFacts:
    """The stages before the close, each with one row."""
    return replace(
        day(),
        market=MARKET,
        candidates=Candidates(
            data_session=MON,
            data_version="0" * 20,
            strategies=("S1_AVWAP_CORE",),
            reasons=(),
            candidates=(CANDIDATE,),
            intents=(),
        ),
        decisions=Decisions(
            data_session=MON,
            batch=BATCH,
            verdicts=(DECISION,),
            sleeves=NO_SLEEVES,
            limits_before=None,
            limits_after=None,
        ),
        enforcement=Enforcement(
            decision_enforced=True,
            book_gates=(),
            authorised=(),
            refused=(REFUSED,),
            reserved=Reserved(entries=0, gross="0", cash="0", risk="0"),
        ),
        stops=(Stops(slot="1600", positions=(LINE,), events=()),),
    )


def test_every_stage_of_the_morning_has_its_row() -> None:
    page = render(morning())
    cells_only = sub(r' class="number"|</?a[^>]*>', "", page)
    for cells in (
        ("1", "QRS", "S1_AVWAP_CORE", "A", "YTD", "−1.25", "12.34", "12,340,000"),
        ("QRS", "S1_AVWAP_CORE", "BLOCK", "700", "0", "0.00", "0.00", "POSITIONS_MAX"),
        ("QRS", "refused", "0", "–", "DECISION_BLOCK"),
        ("ABC", "S1_AVWAP_CORE", "10", "10", "95.00", "97.90", "daily_swing_low", "STOP_RATCHET"),
    ):
        row = "</td><td>".join(cells)
        assert row in cells_only
    assert "The data contract blocked new entries: DAY_COVERAGE_LOW" in page
    assert "0 allowed, 0 resized, 1 blocked." in page
