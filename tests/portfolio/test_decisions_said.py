"""A decision is kept whole, for each code that it can give: numbers, room, order and words."""

import json

import pytest

from tests import said

KEPT = json.loads(said.DECISIONS.read_text(encoding="utf-8"))


def test_every_case_is_kept_and_no_other() -> None:
    assert sorted(KEPT) == sorted(said.DECISION_CASES), "python -m tests.said keeps a new case"


@pytest.mark.parametrize("case", sorted(KEPT))
def test_a_decision_says_what_it_said(case: str) -> None:
    now = json.loads(said.spelt({case: said.decided(case)}))
    assert KEPT[case] == now[case], "meant? python -m tests.said keeps the new words"
