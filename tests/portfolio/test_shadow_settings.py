"""Which shadow may repeat which strategy is said of each pair."""

from portfolio.sleeves import shadow_faults


def test_a_shadow_repeats_an_active_strategy_and_nothing_else_is_a_pair() -> None:
    assert () == shadow_faults({"S1_AVWAP_SHADOW": "S1_AVWAP_CORE"})
    assert ("S1_AVWAP_CORE: no strategy of status shadow has that name",) == shadow_faults(
        {"S1_AVWAP_CORE": "S1_AVWAP_CORE"}
    )
    for original in ("EXTERNAL", "S9_NOBODY", "S1_AVWAP_SHADOW"):
        told = f"S1_AVWAP_SHADOW={original}: the original is no active strategy"
        assert (told,) == shadow_faults({"S1_AVWAP_SHADOW": original})
    assert 2 == len(shadow_faults({"S9_NOBODY": "S9_NOBODY"}))
