"""Labels never meet, keep their order, and move no farther than they must."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.label_layout import GAP_PIXELS, in_rows, spread

PLACES = st.lists(st.floats(0, 500), max_size=25).map(sorted)
TINY = 1e-6


@given(PLACES)
def test_labels_stand_a_gap_apart_within_bounds_and_in_order(wanted: list[float]) -> None:
    found = spread(wanted, 13.5, (7, 500))
    assert len(wanted) == len(found)
    assert all(b - a >= 13.5 - TINY for a, b in pairwise(found))
    assert all(7 - TINY <= place <= 500 + TINY for place in found)


@given(PLACES)
def test_labels_that_fit_where_they_are_stay_there(wanted: list[float]) -> None:
    settled = spread(wanted, 13.5, (7, 500))
    assert settled == pytest.approx(spread(settled, 13.5, (7, 500)))


def test_two_that_meet_part_by_the_same_way() -> None:
    assert (95.0, 105.0) == spread([100, 100], 10, (0, 500))
    assert (95.0, 105.0, 300.0) == spread([100, 100, 300], 10, (0, 500))


def test_more_than_the_bounds_hold_share_what_there_is() -> None:
    assert (0.0, 5.0, 10.0) == spread([3, 3, 3], 13.5, (0, 10))


LABELS = st.lists(st.tuples(st.floats(0, 900), st.floats(1, 150)), max_size=12).map(sorted)


@given(LABELS)
def test_labels_in_rows_never_overlap_and_stay_inside(labels: list[tuple[float, float]]) -> None:
    found = in_rows([middle for middle, _ in labels], [width for _, width in labels], (0, 900))
    boxes = [
        (row, at - width / 2, at + width / 2) for (row, at), (_, width) in zip(found, labels, strict=True)
    ]
    assert all(low >= -TINY and high <= 900 + TINY for _, low, high in boxes)
    for (row, low, high), (other, left, right) in combinations(boxes, 2):
        assert row != other or high + GAP_PIXELS <= left + TINY or right + GAP_PIXELS <= low + TINY


def test_a_row_is_used_again_where_it_is_free() -> None:
    assert ((0, 50.0), (1, 60.0), (0, 200.0)) == in_rows([50, 60, 200], [40, 40, 40], (0, 300))
