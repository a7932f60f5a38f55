"""A moment moved on entry by entry is the moment that a recount of the whole book would give, to the digit."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from portfolio.exposure import measure
from portfolio.moment import Moment, moment_of
from schemas.book import BookState
from tests.portfolio.books import CORE, D, intent, sharing, sleeve, usd
from tests.portfolio.test_sleeves import MARKS, TREND, books

SECTORS = {"AAA": "X", "BBB": "X", "CCC": "Y"}
ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(["AAA", "BBB", "DDD", "EEE"]),
        st.sampled_from([CORE, TREND, "S1_AVWAP_SHADOW"]),
        st.integers(1, 500),
        st.integers(1, 99_999).map(lambda n: Decimal(n).scaleb(-2)),
    ),
    max_size=6,
)


def spelt(moment: Moment) -> tuple[object, ...]:
    """All that limits ask of a moment, digits and order included."""
    return (
        repr(moment.exposure),
        moment.symbols,
        repr(moment.sleeves),
        sorted(map(repr, moment.sectors.items())),
    )


@given(
    state=books(),
    marks=MARKS,
    entries=ENTRIES,
    sectors=st.sampled_from([None, SECTORS]),
    shared=st.booleans(),
)
def test_each_allowed_entry_adds_itself_to_every_grouping_that_a_recount_would_find(
    state: BookState,
    marks: dict[str, Decimal],
    entries: list[tuple[str, str, int, Decimal]],
    sectors: dict[str, str] | None,
    shared: bool,
) -> None:
    how = sharing(sleeves={CORE: sleeve("BOTH"), TREND: sleeve("BOTH")}) if shared else sharing()
    moment = moment_of(measure(state, marks, D), how, sectors)
    for number, (symbol, strategy_id, quantity, price) in enumerate(entries):
        wish = intent(symbol).model_copy(update={"strategy_id": strategy_id, "intent_id": f"int_{number}"})
        moment = moment.after(
            wish, quantity=quantity, price=price, unit_risk=usd("1.5"), sharing=how, sectors=sectors
        )
        recounted = replace(moment_of(moment.exposure, how, sectors), taken=moment.taken)
        assert spelt(recounted) == spelt(moment)
    assert len(entries) == sum(len(rows) for rows in moment.taken.values())
    assert sum(quantity for _, _, quantity, _ in entries) * usd("1.5") == sum(
        row.risk for rows in moment.taken.values() for row in rows
    )
