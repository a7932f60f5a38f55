"""The published JSON Schemas are the models' own words: one file per artifact, one for a journal's line.

python -m tools.export_schemas     write schemas/json/, and drop files that no model stands behind
"""

import inspect
import json
import pkgutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import schemas
from schemas.base import Fact
from schemas.events import EVENTS
from schemas.header import Artifact, Header
from schemas.journal import JournalRecord

FOLDER: Final = Path(__file__).resolve().parent.parent / "schemas" / "json"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
DEFINITIONS: Final = "#/$defs/{model}"


def main() -> int:
    """Bring ``schemas/json`` in line with the models, naming each file that changed."""
    FOLDER.mkdir(exist_ok=True)
    wanted = exported()
    for stale in sorted({path.name for path in FOLDER.glob("*.json")} - set(wanted)):
        (FOLDER / stale).unlink()
        print(f"dropped  {stale}")
    for name, text in wanted.items():
        path = FOLDER / name
        if not path.exists() or path.read_bytes() != text:
            path.write_bytes(text)
            print(f"wrote    {name}")
    return 0


def exported() -> dict[str, bytes]:
    """File name -> bytes, for every artifact of ``schemas`` and for the journal's line."""
    found = {f"{model.SCHEMA}.v{model.VERSION}.json": artifact_schema(model) for model in artifacts()}
    assert len(found) == len(artifacts()), "two artifacts share a schema name and version"
    found["avwap.journal.v1.json"] = journal_schema()
    return {name: _bytes(found[name]) for name in sorted(found)}


def artifacts() -> tuple[type[Artifact], ...]:
    """Every artifact model of ``schemas``, by schema name."""
    for module in pkgutil.walk_packages(schemas.__path__, "schemas."):
        import_module(module.name)
    models = [
        m for m in _descendants(Artifact) if m.__module__.startswith("schemas.") and hasattr(m, "SCHEMA")
    ]
    return tuple(sorted(models, key=lambda model: (model.SCHEMA, model.VERSION)))


def artifact_schema(model: type[Artifact]) -> dict[str, Any]:
    """The schema of *model* as it lies on disk: the header's keys and the payload's in one closed object."""
    header, payload = _model_schema(Header), _model_schema(model)
    shared = set(header["properties"]) & set(payload.get("properties", {}))
    assert not shared, f"{model.__name__} reuses header keys {sorted(shared)}"
    constants = {"schema": model.SCHEMA, "schema_version": model.VERSION, "stage": model.STAGE}
    return {
        "$schema": DIALECT,
        "title": model.SCHEMA,
        "description": inspect.cleandoc(model.__doc__ or ""),  # 3.13 strips what 3.11 keeps
        "type": "object",
        "additionalProperties": False,
        "properties": header["properties"]
        | payload.get("properties", {})
        | {key: {"const": value} for key, value in constants.items()},
        "required": sorted(set(header.get("required", ())) | set(payload.get("required", ()))),
        "$defs": _merged(header.get("$defs", {}), payload.get("$defs", {})),
    }


def journal_schema() -> dict[str, Any]:
    """The schema of one journal line: the record, and by its event the shape of its data."""
    record = _model_schema(JournalRecord)
    definitions = _merged(record.get("$defs", {}))
    for model in EVENTS.values():
        event = _model_schema(model)
        definitions = _merged(definitions, event.pop("$defs", {}), {model.__name__: event})
    shapes = [
        {
            "if": {"properties": {"event": {"const": event}}},
            "then": {"properties": {"data": {"$ref": DEFINITIONS.format(model=model.__name__)}}},
        }
        for event, model in sorted(EVENTS.items())
    ]
    record["properties"]["event"] = {"enum": sorted(EVENTS)}
    return record | {"$schema": DIALECT, "title": "avwap.journal", "allOf": shapes, "$defs": definitions}


def _model_schema(model: type[Fact]) -> dict[str, Any]:
    """What pydantic says of *model* as written."""
    return model.model_json_schema(mode="serialization", by_alias=True, ref_template=DEFINITIONS)


def _merged(*parts: dict[str, Any]) -> dict[str, Any]:
    """The union of definitions; one name has one meaning."""
    union: dict[str, Any] = {}
    for part in parts:
        for name, definition in part.items():
            assert union.setdefault(name, definition) == definition, f"two models are called {name}"
    return union


def _descendants(model: type[Artifact]) -> set[type[Artifact]]:
    return {model} | {deep for child in model.__subclasses__() for deep in _descendants(child)}


def _bytes(schema: dict[str, Any]) -> bytes:
    return (json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


if __name__ == "__main__":
    sys.exit(main())
