"""The environment is made from uv.lock alone: uv comes by its locked hash, and brings the rest by theirs.

Runs on a bare Python 3.11+ (standard library only). pip finds uv through its own configuration; uv then uses
its default index, or the one that the machine's UV_DEFAULT_INDEX names.
"""

import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"


def main() -> int:
    """Make or mend ``.venv``, install the locked set into it and stamp it. Exit 0, or 2 with the reason."""
    try:
        python = _interpreter()
        uv, requirement = _locked_uv()
        if _installed_uv() != uv:
            _install_uv(python, requirement)
        subprocess.run([VENV / "bin" / "uv", "sync", "--frozen", "--quiet"], cwd=ROOT, check=True)
    except subprocess.CalledProcessError as fault:
        step = " ".join(str(part) for part in fault.cmd[:4])
        print(f"refused  the environment could not be installed: `{step} …` exit {fault.returncode}")
        print("why      its own message is above; most often no package index answers")
        print("next     check the network and the index settings (pip's, and UV_DEFAULT_INDEX); make again")
        return 2
    (VENV / ".installed").touch()
    return 0


def _interpreter() -> Path:
    """The environment's Python; the environment is made when absent or made by a Python that is gone."""
    python = VENV / "bin" / "python"
    alive = python.exists() and subprocess.run([python, "-c", ""], check=False).returncode == 0
    if not alive:
        print(f"making .venv with Python {sys.version.split()[0]}")
        venv.create(VENV, with_pip=True, clear=True)
    return python


def _locked_uv() -> tuple[str, str]:
    """Version of uv in the lock, and the requirement line that admits its locked files and no other."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    (package,) = (entry for entry in lock["package"] if entry["name"] == "uv")
    hashes = sorted(wheel["hash"] for wheel in package["wheels"])
    version = package["version"]
    return version, f"uv=={version} " + " ".join(f"--hash={digest}" for digest in hashes)


def _installed_uv() -> str | None:
    """Version of uv in the environment, or None."""
    uv = VENV / "bin" / "uv"
    if not uv.exists():
        return None
    said = subprocess.run([uv, "--version"], capture_output=True, text=True, check=False).stdout.split()
    return said[1] if len(said) > 1 else None


def _install_uv(python: Path, requirement: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "uv.txt"
        wanted.write_text(requirement + "\n", encoding="utf-8")
        options = ["--quiet", "--require-hashes", "--only-binary=:all:", "--no-deps", "-r", str(wanted)]
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", *options]
        subprocess.run(pip, check=True)


if __name__ == "__main__":
    sys.exit(main())
