"""``avwap deploy`` hands prefect.yaml to the Prefect server that the environment names; nothing else knows of it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from flows.house import House
from schemas.errors import Rejected, UsageFault
from schemas.reasons.edge import EdgeCode

POOL: Final = "avwap"
FILE: Final = "prefect.yaml"
TIMEOUT_S: Final = 180


def register_deployments(house: House) -> list[str]:
    """Create the work pool if it is missing, then every deployment; returns their names.

    Errors: ``UsageFault`` without PREFECT_API_URL or prefect.yaml; ``Rejected`` if Prefect says no.
    """
    import yaml

    if not os.environ.get("PREFECT_API_URL"):
        raise UsageFault(
            EdgeCode.USAGE,
            "PREFECT_API_URL is not set, so there is no server to register with",
            safe="nothing was registered",
            next="prefect server start, then PREFECT_API_URL=http://127.0.0.1:4200/api avwap deploy",
        )
    project = Path(__file__).resolve().parent.parent
    if not (project / FILE).is_file():
        raise UsageFault(
            EdgeCode.FILE_UNREADABLE,
            f"{FILE} is not beside the packages",
            safe="nothing was registered",
            next="run avwap deploy from a checkout of the project",
        )
    env = {**os.environ, "AVWAP_HOME": str(house.settings.home.resolve())}
    _prefect(project, env, "work-pool", "create", POOL, "--type", "process", "--overwrite")
    _prefect(project, env, "deploy", "--all")
    with (project / FILE).open() as handle:
        return [each["name"] for each in yaml.safe_load(handle)["deployments"]]


def _prefect(project: Path, env: dict[str, str], *words: str) -> None:
    command = [sys.executable, "-m", "prefect", "--no-prompt", *words]
    done = subprocess.run(
        command, cwd=project, env=env, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    if done.returncode:
        raise Rejected(
            EdgeCode.PREFECT_NOT_READY,
            f"prefect {' '.join(words)}: {(done.stderr or done.stdout).strip()[-600:]}",
            safe="the ledger does not depend on it",
            next="check that the server of PREFECT_API_URL answers, then avwap deploy again",
        )
