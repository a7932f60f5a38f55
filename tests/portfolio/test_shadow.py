"""A shadow says what would have been, and nothing real ever differs by it."""

from hypothesis import given
from hypothesis import strategies as st

from portfolio.decide import run
from portfolio.limits import portfolio_config
from schemas.candidates import TradeIntent
from schemas.decisions import Verdict
from schemas.ids import intent_id
from tests.portfolio.books import (
    BOOK,
    CORE,
    D,
    batches,
    book,
    config_with,
    decision_inputs,
    intent,
    position,
    sharing,
    sleeve,
)

SIM = portfolio_config("SIM")
SHADOW = "S1_AVWAP_SHADOW"
CLONING = sharing(shadows={SHADOW: CORE})


def test_a_clone_is_decided_like_its_original_and_blocked() -> None:
    wish = intent("AAA")
    real, shadow = run(decision_inputs(wish), SIM, CLONING).verdicts
    assert (Verdict.ALLOW, 156, None) == (real.verdict, real.q2, real.shadow_verdict)
    assert (Verdict.BLOCK, 0) == (shadow.verdict, shadow.q2)
    assert (Verdict.ALLOW, 156, 156) == (shadow.shadow_verdict, shadow.shadow_q2, shadow.q0)
    assert ["SHADOW_STRATEGY"] == [row.code for row in shadow.reasons]
    assert (SHADOW, SHADOW, wish.intent_id, 2) == (
        shadow.strategy_id,
        shadow.sleeve_id,
        shadow.shadow_of,
        shadow.sequence,
    )
    assert intent_id(BOOK, D, SHADOW, "AAA", "buy", "entry") == shadow.intent_id
    assert (0, 0) == (shadow.notional, shadow.risk)


def test_shadows_meet_the_limits_among_themselves_on_the_book_as_it_opened() -> None:
    wishes = [intent(symbol, rank) for rank, symbol in enumerate(("AAA", "BBB", "CCC"), start=1)]
    decisions = run(decision_inputs(*wishes), config_with(entries_per_day_max=2), CLONING)
    would = [row.shadow_q2 for row in decisions.verdicts if row.shadow_verdict is not None]
    assert [156, 156, 0] == would
    assert [1, 2, 3, 4, 5, 6] == [row.sequence for row in decisions.verdicts]
    last = decisions.verdicts[-1]
    assert ["SHADOW_STRATEGY", "LIMIT_MAX_NEW_ENTRIES_PER_DAY"] == [row.code for row in last.reasons]
    assert (2, 0, 1, 3) == (
        decisions.batch.allowed,
        decisions.batch.resized,
        decisions.batch.blocked,
        decisions.batch.shadows,
    )


def test_a_shadow_meets_its_originals_sleeve_or_its_own() -> None:
    none = sleeve(max_concurrent_positions=0)
    originals = sharing(sleeves={CORE: none}, shadows={SHADOW: CORE})
    shadow = run(decision_inputs(intent("AAA")), SIM, originals).verdicts[1]
    assert ["SHADOW_STRATEGY", "S2_MAX_POSITIONS"] == [row.code for row in shadow.reasons]
    own = sharing(sleeves={CORE: none, SHADOW: sleeve("PAPER")}, shadows={SHADOW: CORE})
    assert 156 == run(decision_inputs(intent("AAA")), SIM, own).verdicts[1].shadow_q2


def test_a_wish_under_a_shadows_own_id_is_a_shadow_without_an_original() -> None:
    row = run(decision_inputs(intent("AAA", strategy_id=SHADOW)), SIM).verdicts[0]
    assert (Verdict.BLOCK, 156, None) == (row.verdict, row.shadow_q2, row.shadow_of)


def test_what_blocks_the_batch_blocks_the_shadow_in_the_same_words() -> None:
    shadow = run(decision_inputs(intent("AAA"), snapshot_sealed=False), SIM, CLONING).verdicts[1]
    assert (Verdict.BLOCK, 0) == (shadow.shadow_verdict, shadow.shadow_q2)
    assert ["SHADOW_STRATEGY", "PORTFOLIO_SNAPSHOT_STALE"] == [row.code for row in shadow.reasons]


@given(rows=batches(8), held=st.booleans())
def test_with_or_without_shadows_everything_real_is_the_same(
    rows: tuple[TradeIntent, ...], held: bool
) -> None:
    state = book([position("S01", 20)] if held else [])
    inputs = decision_inputs(*rows, book=state)
    bare, shadowed = run(inputs, SIM, sharing()), run(inputs, SIM, CLONING)
    real = tuple(row for row in shadowed.verdicts if row.shadow_verdict is None)
    assert bare.verdicts == real
    assert (bare.limits_before, bare.limits_after) == (shadowed.limits_before, shadowed.limits_after)
    assert bare.sleeves == shadowed.sleeves
    assert all(row.q2 == 0 for row in shadowed.verdicts if row.shadow_verdict is not None)
    assert len(rows) == shadowed.batch.shadows
