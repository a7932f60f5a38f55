"""What a run writes keeps both its contracts: the published JSON Schema and the model behind it."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from flows.audit import models
from schemas.base import Fact
from schemas.events import EVENTS
from schemas.header import Header
from schemas.journal import JournalRecord
from tests.chain.days import BOOK, STOP_DAY, Ground
from tests.tracked import ROOT
from tools.golden import kept

PUBLISHED = ROOT / "schemas" / "json"
ON_OCCASION = {
    "avwap.observation.acknowledged": "an operator let a quarantine pass",
    "avwap.observation.metrics": "a provider of metrics is configured and may be asked",
    "avwap.reliability": "a week is over and somebody asks for it",
    "avwap.rolling": "windows of risk attribution are asked for, and full",
    "avwap.replay": "somebody replays a session",
    "avwap.bundle": "somebody asks for the evidence of a session",
    "avwap.observation.sleeve_pnl": "the day's results of the sleeves are told from outside",
}
"""Artifacts that a plain month does not write; their own tests do."""


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    """The published schema *name*, which must exist."""
    return jsonschema.Draft202012Validator(json.loads((PUBLISHED / name).read_bytes()))


def artifact_faults(name: str, document: Mapping[str, Any]) -> list[str]:
    """Where *document* breaks its JSON Schema or its model; empty when it keeps both."""
    published = validator(f"{document['schema']}.v{document['schema_version']}.json")
    found = [f"{name} {error.json_path}: {error.message[:120]}" for error in published.iter_errors(document)]
    header = {field.alias or key for key, field in Header.model_fields.items()}
    contracts: tuple[type[Fact], ...] = (Header, models()[document["schema"]])
    parts = [{k: v for k, v in document.items() if (k in header) is inside} for inside in (True, False)]
    for contract, part in zip(contracts, parts, strict=True):
        spelled = contract.model_validate_json(json.dumps(part)).model_dump(mode="json", by_alias=True)
        found += [f"{name} {k}: reads back otherwise" for k, v in part.items() if spelled.get(k) != v]
    return found


def journal_faults(name: str, lines: Iterable[bytes]) -> list[str]:
    """Where a journal's lines break the published schema or the model of their event."""
    found = []
    for number, line in enumerate(lines, start=1):
        record = json.loads(line)
        errors = validator("avwap.journal.v1.json").iter_errors(record)
        found += [f"{name}:{number} {error.json_path}: {error.message[:120]}" for error in errors]
        typed = JournalRecord.model_validate_json(line)
        data = EVENTS[typed.event].model_validate_json(json.dumps(typed.data))
        if data.model_dump(mode="json", by_alias=True) != record["data"]:
            found.append(f"{name}:{number}: reads back otherwise")
    return found


def faults_of(files: Mapping[str, bytes]) -> tuple[list[str], set[str]]:
    """Every fault in the files of a book, and the schemas met."""
    found: list[str] = []
    met: set[str] = set()
    for name, data in files.items():
        if name.endswith("journal.jsonl"):
            found += journal_faults(name, data.splitlines())
            met |= {json.loads(line)["event"] for line in data.splitlines()}
        elif name.endswith(".json"):
            document = json.loads(data)
            found += artifact_faults(name, document)
            met.add(document["schema"])
    return found, met


def sealed_files(home: Path) -> dict[str, bytes]:
    """Every file in the session folders of the book at *home*."""
    book = home / "ledger" / BOOK
    folders = [folder for folder in book.iterdir() if (folder / "manifest.json").is_file()]
    paths = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(book).as_posix(): path.read_bytes() for path in paths}


def test_every_file_of_a_month_of_sessions_keeps_its_schema_and_its_model(tiny_ground: Ground) -> None:
    found, met = faults_of(sealed_files(tiny_ground.eves[STOP_DAY]))
    assert [] == found[:20]
    assert set(ON_OCCASION) == set(models()) - met, "a published artifact that no session writes"
    assert {"order.filled", "stop.placed", "stop.ratcheted", "position.marked"} <= met


def test_the_goldens_keep_their_schemas_and_models() -> None:
    found, met = faults_of(kept())
    assert [] == found[:20]
    assert "action.applied" in met


@pytest.mark.parametrize("pointer", ["extra", "stage", "book_id", "schema_version"])
def test_a_document_with_one_thing_amiss_is_found(pointer: str) -> None:
    name = next(name for name in kept() if name.endswith("scan.json"))
    document = json.loads(kept()[name])
    assert [] == artifact_faults(name, document)
    published = validator(f"{document['schema']}.v1.json")
    assert not published.is_valid(document | {pointer: None})
