"""The contracts hang together: codes have one owner, events one model, ids one spelling."""

from datetime import date

import pytest

from schemas.events import EVENTS
from schemas.ids import content_id, fill_id, intent_id, ord_id, position_id
from schemas.reasons import all_codes


def test_every_code_is_upper_snake_and_spelt_as_it_is_named() -> None:
    assert [] == [code for code in all_codes() if not code.replace("_", "").isalnum() or code != code.upper()]
    assert [] == [m for owner in set(all_codes().values()) for m in owner if m.name != m.value]


def test_every_event_is_noun_and_past_verb_and_has_a_closed_model() -> None:
    named_by_its_flag = "universe_network_disallowed"
    assert [named_by_its_flag] == [name for name in EVENTS if name.count(".") != 1]
    assert [] == [name for name, model in EVENTS.items() if model.model_config.get("extra") != "forbid"]


def test_an_id_is_twenty_hex_digits_of_what_identifies() -> None:
    # sha256 of ["SIM","2016-06-01","S1_AVWAP_CORE","AAPL","buy","entry"], taken with sha256sum.
    assert "int_6049ab6ab8c3565b3707" == intent_id(
        "SIM", date(2016, 6, 1), "S1_AVWAP_CORE", "AAPL", "buy", "entry"
    )


def test_ids_of_different_kinds_never_meet() -> None:
    made = [
        intent_id("SIM", date(2016, 6, 1), "S1_AVWAP_CORE", "AAPL", "buy", "entry"),
        ord_id("int_x", "E", 0, 1),
        ord_id("int_x", "E", 0, 2),
        ord_id("int_x", "S", 0, 1),
        position_id("SIM", "S1_AVWAP_CORE", "AAPL", "int_x"),
        fill_id("SIM", "AAPL", "x1"),
    ]
    assert len(made) == len(set(made))


@pytest.mark.parametrize("part", [1.5, {"quantity": 100}])
def test_nothing_that_can_change_identifies(part: object) -> None:
    with pytest.raises(AssertionError):
        content_id("int_", part)
