"""A book is walked through its states by the commands of a person, and in each of them its shares keep their stops.

python -m tools.drills.lifecycle
"""

import sys
from pathlib import Path
from typing import Any, Final

from tools.drills.ground import ON, Ground, Host, Said, ground
from tools.drills.notes import Notes, alone

SHOWS: Final = "pause, kill switch, emergency, flatten and a drawdown: what each stops, and who lets it go on"
BOOK: Final = "SIM"
WHO: Final = ("--operator", "drill", "--reason", "fire drill")
OPEN: Final = 9 * 60 + 30
BREACH: Final = "0.000050"
"""Of the peak: what those trades cost is more than that."""
CYCLES_MAX: Final = 8
"""More than the ladder asks of a book that nothing troubles any more."""


def run(notes: Notes, root: Path) -> None:
    """The drill below *root*."""
    with ground(notes, root) as made:
        walk = Walk(made)
        walk.opens()
        walk.pauses()
        walk.kill_switch()
        walk.emergency()
        walk.drawdown()
        walk.evidence()


class Walk:
    """One simulated book, and where it stands."""

    def __init__(self, made: Ground) -> None:
        self._made, self._notes = made, made.notes
        self._host: Host = made.host("host", sim=True)

    def opens(self) -> None:
        """INIT, READY, ACTIVE."""
        self._notes.step("the book opens its session: its first cycle finds out, its second buys")
        said = self._host.run("premarket", "--book", BOOK, "--date", str(ON))
        self._notes.expect("its morning is done", 0, said.code)
        self._cycle("ACTIVE", "ARMED", minute=0)
        self._cycle("ACTIVE", "ARMED")
        self._notes.expect("it holds shares", True, bool(self._held()))

    def pauses(self) -> None:
        """PAUSED, and back."""
        self._notes.step("a person pauses it, and lets it go on")
        self._act("pause")
        self._cycle("PAUSED", "OPERATOR_PAUSE")
        self._refused("ALREADY_PAUSED", "pause")
        self._act("resume")
        self._cycle("ACTIVE", "ARMED")

    def kill_switch(self) -> None:
        """EMERGENCY by the switch alone, which ends with it."""
        self._notes.step("the kill switch is thrown, and lifted")
        self._notes.expect("it is set", 0, self._host.run("kill", "on", "--book", BOOK, *WHO).code)
        self._cycle("EMERGENCY", "KILL_SWITCH")
        self._refused("ACK_NOT_NEEDED", "ack", "--cause", "KILL_SWITCH")
        self._notes.expect("it is lifted", 0, self._host.run("kill", "off", "--book", BOOK, *WHO).code)
        self._cycle("ACTIVE", "ARMED")

    def emergency(self) -> None:
        """EMERGENCY by a person's word: everything is sold, and a person alone ends it."""
        self._notes.step("a person declares an emergency, sells everything, and answers for it")
        self._refused("FLATTEN_NEEDS_EMERGENCY", "flatten")
        self._act("emergency")
        self._cycle("EMERGENCY", "OPERATOR_EMERGENCY")
        self._refused("RESUME_CAUSE_ACTIVE", "resume")
        self._act("flatten")
        self._cycle("EMERGENCY", "OPERATOR_EMERGENCY")
        self._notes.expect("shares left", {}, self._held())
        self._cycle("EMERGENCY", "OPERATOR_EMERGENCY")
        self._act("ack", "--cause", "OPERATOR_EMERGENCY")
        self._cycle("PAUSED", "EMERGENCY_CLEARED")
        self._act("resume")
        self._cycle("ACTIVE", "ARMED")

    def drawdown(self) -> None:
        """EMERGENCY by what was lost: the answer starts the peak at today's equity."""
        self._notes.step("the limit of a drawdown is set below what those trades cost")
        self._notes.ran(f"[host] avwap.toml: [lifecycle] dd_breach_fraction = {BREACH}")
        settings = self._host.home / "avwap.toml"
        settings.write_text(f'{settings.read_text()}[lifecycle]\ndd_breach_fraction = "{BREACH}"\n')
        self._cycle("EMERGENCY", "DD_BREACH")
        self._refused("RESUME_CAUSE_ACTIVE", "resume")
        self._act("ack", "--cause", "DD_BREACH")
        self._cycle("DEGRADED", "EMERGENCY_CLEARED")
        self._notes.step("so deep a fall made the posture RED: the way back is walked cycle by cycle")
        self._refused("RESUME_CAUSE_ACTIVE", "resume")
        self._until("PAUSED")
        self._act("resume")
        self._until("THROTTLED")

    def evidence(self) -> None:
        """Each act and each transition, from the journal."""
        self._notes.expect("the record is sound", 0, self._host.run("verify", "--book", BOOK).code)
        for record in self._host.journal(BOOK):
            data, seq = record["data"], record["seq"]
            match record["event"]:
                case "operator.acted":
                    self._notes.keep(
                        f"operator.acted seq {seq}: {data['verb']} {data['subject'] or ''}".rstrip()
                    )
                case "kill.set":
                    self._notes.keep(f"kill.set seq {seq}: {'on' if data['on'] else 'off'}")
                case "lifecycle.changed":
                    told = f"{data['before']} -> {data['after']} by {data['reason']}"
                    self._notes.keep(f"lifecycle.changed seq {seq} cycle {record['cycle']}: {told}")

    def _cycle(self, state: str, reason: str, minute: int | None = None) -> None:
        """The cycle that is due, where it leads, and whether every share is under a stop after it."""
        before = len(self._host.journal(BOOK))
        slot, said = self._run(minute)
        records, last = self._host.journal(BOOK), self._state()
        self._notes.expect(f"cycle {slot}", (0, state, reason), (said.code, last["state"], last["reason"]))
        bought = [
            r["data"]["order"]["symbol"]
            for r in records[before:]
            if r["event"] == "order.submitting" and r["data"]["order"]["leg"] == "E"
        ]
        if state not in ("ACTIVE", "THROTTLED"):
            self._notes.expect("entries sent", [], bought)
        self._notes.expect("shares under a stop", self._held(), self._covered())

    def _run(self, minute: int | None = None) -> tuple[str, Said]:
        at = OPEN + (self._made.next_slot() if minute is None else minute)
        slot = f"{at // 60:02}{at % 60:02}"
        return slot, self._host.run("cycle", "--book", BOOK, "--date", str(ON), "--slot", slot)

    def _until(self, state: str) -> None:
        """As many cycles as it takes."""
        for _ in range(CYCLES_MAX):
            self._run()
            if self._state()["state"] == state:
                break
        self._notes.expect("it is", state, self._state()["state"])

    def _state(self) -> dict[str, Any]:
        ticks = [r["data"]["lifecycle"] for r in self._host.journal(BOOK) if r["event"] == "tick.taken"]
        last: dict[str, Any] = ticks[-1]
        return last

    def _act(self, verb: str, *more: str) -> None:
        self._notes.expect(f"{verb} is journaled", 0, self._operator(verb, *more).code)

    def _refused(self, code: str, verb: str, *more: str) -> None:
        said = self._operator(verb, *more)
        self._notes.expect(f"{verb} is refused", (3, True), (said.code, code in said.text))

    def _operator(self, verb: str, *more: str) -> Said:
        return self._host.run("operator", verb, "--book", BOOK, *more, *WHO)

    def _held(self) -> dict[str, str]:
        return {row["symbol"]: row["shares"] for row in self._positions()}

    def _covered(self) -> dict[str, str]:
        return {row["symbol"]: row["covered"] for row in self._positions()}

    def _positions(self) -> list[dict[str, str]]:
        return list(self._host.quietly("status", "--book", BOOK, "--json").body["positions"])


if __name__ == "__main__":
    sys.exit(alone(run))
