"""One seed draws one world, and a draw elsewhere does not move it."""

from simulation.chance import Chance


def test_draws_are_a_function_of_seed_name_and_number() -> None:
    first, again = Chance(7, "a"), Chance(7, "a")
    Chance(7, "b").unit()
    assert [first.unit() for _ in range(5)] == [again.unit() for _ in range(5)]
    assert Chance(7, "a").unit() != Chance(8, "a").unit()
    assert Chance(7, "a").unit() != Chance(7, "b").unit()


def test_draws_are_spread_evenly() -> None:
    chance = Chance(1, "spread")
    drawn = [chance.unit() for _ in range(4_000)]
    assert all(0 <= each < 1 for each in drawn)
    assert all(800 < sum(low <= each < low + 0.25 for each in drawn) < 1_200 for low in (0, 0.25, 0.5, 0.75))
    assert all(2 <= chance.between(2, 3) < 3 for _ in range(100))
    assert {0, 1, 2} == {chance.below(3) for _ in range(100)}
    assert {"x", "y"} == {chance.pick("xy") for _ in range(100)}
    assert not any(chance.happens(0) for _ in range(100))
