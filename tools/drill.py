"""Every fire drill has a name, says in a line what it shows, and prints the evidence to keep.

python -m tools.drill                 the drills there are
python -m tools.drill failover        one of them, in a folder that is gone afterwards
"""

import argparse
import sys
from importlib import import_module
from typing import Final

from tools.drills.notes import alone

DRILLS: Final = {
    "failover": "tools.drills.failover",
    "kill-switch": "tools.drills.kill_switch",
    "lifecycle": "tools.drills.lifecycle",
    "position-sync": "tools.drills.position_sync",
    "restore-from-backup": "tools.drills.restore",
    "router": "tools.drills.router",
}
"""Name -> module. Each has ``SHOWS``, one line, and ``run(notes, root)``."""


def listed() -> list[str]:
    """One line for each drill."""
    return [f"{name:<21}{import_module(module).SHOWS}" for name, module in sorted(DRILLS.items())]


def main(words: list[str] | None = None) -> int:
    """Run the drill that is named, or list them; the exit code: 1 where an outcome differs, 2 for no such drill."""
    parser = argparse.ArgumentParser(prog="python -m tools.drill", description=__doc__)
    parser.add_argument("name", nargs="?", metavar="NAME")
    name = parser.parse_args(words).name
    if not name:
        print("\n".join(listed()))
        return 0
    if name not in DRILLS:
        print(f"refused  no drill is called {name!r}; nothing was started", file=sys.stderr)
        print(f"next     make drill NAME=…, one of {', '.join(sorted(DRILLS))}", file=sys.stderr)
        return 2
    module = import_module(DRILLS[name])
    print(f"drill    {name}: {module.SHOWS}\n")
    return alone(module.run)


if __name__ == "__main__":
    sys.exit(main())
