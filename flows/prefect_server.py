"""A Prefect server of our own, started for one purpose and stopped after it; nothing of it outlives the block.

Prefect's ephemeral server is not used: on a fresh home its start-up limit is shorter than its start-up.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from schemas.errors import Ambiguous
from schemas.reasons.edge import EdgeCode

START_S_MAX: Final = 150.0
"""An empty database took 24 s to migrate on a quiet two-core machine; five times that, and slack."""
STOP_S_MAX: Final = 20.0


def environment(home: Path, port: int) -> dict[str, str]:
    """What server and client must agree on: a private home, no telemetry, JSON results, quiet logs."""
    return {
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
        "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
    }


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def running(home: Path, base_env: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Start a server in *home*, yield the environment its clients need, and stop it.

    Errors: ``Ambiguous`` (PREFECT_NOT_READY) with the tail of its log if it is not healthy in time.
    """
    home.mkdir(parents=True, exist_ok=True)
    port = free_port()
    env = {**base_env, **environment(home, port)}
    log_path = home / "server.log"
    with log_path.open("wb") as log:
        command = [
            sys.executable,
            "-m",
            "prefect",
            "server",
            "start",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ]
        server = subprocess.Popen(command, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + START_S_MAX
            while not _healthy(port):
                if server.poll() is not None or time.monotonic() > deadline:
                    tail = log_path.read_text(errors="replace")[-800:]
                    raise Ambiguous(
                        EdgeCode.PREFECT_NOT_READY,
                        f"the local Prefect server did not answer within {START_S_MAX:.0f} s: {tail}",
                        safe="the ledger does not depend on it",
                        next="run the command again, or use avwap day, which needs no Prefect",
                    )
                time.sleep(0.25)
            yield env
        finally:
            server.terminate()
            try:
                server.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def adopt(env: Mapping[str, str]) -> None:
    """Point this process at a server, before Prefect is imported."""
    assert "prefect" not in sys.modules, "Prefect reads its settings when imported"
    os.environ.update(environment(Path(env["PREFECT_HOME"]), 0) | {"PREFECT_API_URL": env["PREFECT_API_URL"]})
