"""Runs the flows against the server that the environment names, and prints what they did as one JSON object.

A process of its own, as a worker's is: Prefect reads its settings once, when it is imported.
"""

import json
import sys
from pathlib import Path
from typing import Any

from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import State

from flows import prefect_flows as flows
from tests.flows.worlds import NEXT, SEALED, avwap


def told(state: Any) -> dict[str, Any]:
    """A flow run as its server shows it: state, result, name, task runs."""
    assert isinstance(state, State), "the flows are not asynchronous"
    with get_client(sync_client=True) as client:
        run_id = state.state_details.flow_run_id
        assert run_id is not None, "the run is known to the server"
        run = client.read_flow_run(run_id)
        tasks = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run_id])))
    return {
        "type": state.type.value,
        "state": state.name,
        "message": state.message,
        "name": run.name,
        "tasks": {task.name: task.empirical_policy.retries for task in tasks},
        "result": state.result(raise_on_failure=False) if state.type.value == "COMPLETED" else None,
    }


def truncated(home: Path) -> None:
    """Open the morning in process, then cut the candidates short."""
    assert 0 == avwap(home, "premarket", "--book", "SIM", "--date", str(NEXT)).code
    path = home / f"ledger/SIM/{NEXT}/candidates.json"
    path.write_bytes(path.read_bytes()[:-9])


def main(base: Path) -> None:
    on, whole, parts, broken = str(NEXT), str(base / "whole"), str(base / "parts"), str(base / "broken")
    truncated(base / "broken")
    runs = {
        "day": flows.day("SIM", on, whole, return_state=True),
        "premarket": flows.premarket("SIM", on, parts, return_state=True),
        "0930": flows.cycle("SIM", on, "0930", parts, return_state=True),
        "0935": flows.cycle("SIM", on, "0935", parts, return_state=True),
        "1600": flows.cycle("SIM", on, "1600", parts, return_state=True),
        "postclose": flows.postclose("SIM", on, parts, return_state=True),
        "holiday": flows.day("SIM", "2016-03-12", whole, return_state=True),
        "holiday premarket": flows.premarket("SIM", "2016-03-25", whole, return_state=True),
        "not due": flows.cycle("SIM", on, "1200", whole, return_state=True),
        "broken": flows.day("SIM", on, broken, return_state=True),
        "past": flows.day("SIM", "2016-02-10", whole, return_state=True),
        "past premarket": flows.premarket("SIM", "2016-02-10", whole, return_state=True),
        "again": flows.day("SIM", str(SEALED), whole, return_state=True),
    }
    with get_client(sync_client=True) as client:
        found = client.request("POST", "/artifacts/filter", json={"limit": 200}).json()
    body = {
        "runs": {name: told(state) for name, state in runs.items()},
        "artifacts": {each["key"]: {"type": each["type"], "data": each["data"]} for each in found},
    }
    sys.stdout.write(json.dumps(body, default=str) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
