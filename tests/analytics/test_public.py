"""The public names of the package, pinned; and each stage has the one shape."""

import inspect

import pytest
from hypothesis import given, settings

import analytics
from ledger.canonical import artifact_bytes, parse, plain
from schemas.header import Artifact
from tests.analytics.books import Session, lived, sessions

STAGES = ("regime", "trades", "snapshot", "reconciliation", "attribution")


def test_the_public_names_are_these() -> None:
    assert [*STAGES] == analytics.__all__


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_one_run_of_inputs_and_config_that_returns_its_artifact(stage: str) -> None:
    run = getattr(analytics, stage).run
    assert ["inputs", "config"] == list(inspect.signature(run).parameters)
    artifact = inspect.signature(run).return_annotation
    assert issubclass(artifact, Artifact)
    assert stage == artifact.STAGE


@settings(max_examples=25)
@given(sessions())
def test_what_the_close_writes_reads_back_as_it_was_written(days: list[Session]) -> None:
    for each in lived(days)[0]:
        for artifact in (each.trades, each.snapshot, each.attribution):
            written = artifact_bytes(plain(artifact))
            read = type(artifact).model_validate(parse(written))
            assert artifact == read
            assert written == artifact_bytes(plain(read))
