"""Every finding of every gate is kept to the letter, for it is what a person reads when nothing was bought."""

import json

import pytest

from tests import said

KEPT = json.loads(said.GATES.read_text(encoding="utf-8"))


def test_every_case_is_kept_and_no_other() -> None:
    assert sorted(KEPT) == sorted(said.gate_cases()), "python -m tests.said keeps a new case"


@pytest.mark.parametrize("case", sorted(KEPT))
def test_a_gate_says_what_it_said(case: str) -> None:
    now = json.loads(said.spelt({case: said.found(case)}))
    assert KEPT[case] == now[case], "meant? python -m tests.said keeps the new words"
