"""Two sealed sessions have the bytes they had: a difference is listed by file and JSON pointer."""

from pathlib import Path

from schemas.header import CODE_VERSION
from tools.golden import FOLDER, PINNED, code_version, kept, listing, made
from tools.prove_day import BOOK

GOLDEN_BYTES_MAX = 400_000


def test_the_pinned_sessions_have_the_bytes_they_had(tmp_path: Path) -> None:
    found = listing(kept(), made(tmp_path))
    assert [] == found, "\n".join(
        ["bytes changed; if they were meant to, make golden and say why in the commit:", *found]
    )


def test_the_goldens_are_two_whole_sealed_sessions_and_small() -> None:
    files = kept()
    assert {f"{BOOK}/{session}" for session in PINNED} == {"/".join(n.split("/")[:2]) for n in files}
    for session in PINNED:
        for name in ("manifest.json", "journal.jsonl", "scan.json", "decisions.json", "attribution.json"):
            assert f"{BOOK}/{session}/{name}" in files
    assert sum(map(len, files.values())) <= GOLDEN_BYTES_MAX
    assert "pin" in (FOLDER / "README.md").read_text()


def test_the_goldens_are_of_the_present_behaviour_version() -> None:
    assert CODE_VERSION == code_version(kept())


def test_the_goldens_hold_an_entry_an_exit_a_ratchet_a_split_and_an_early_close() -> None:
    ordinary, early = (kept()[f"{BOOK}/{session}/journal.jsonl"].decode() for session in PINNED)
    for event in ("entry.authorised", "order.filled", "stop.placed", "stop.ratcheted"):
        assert f'"{event}"' in ordinary
    for journal in (ordinary, early):
        assert '"side":"buy"' in journal
        assert '"side":"sell"' in journal
    assert '"action.applied"' in early
    assert any(name.startswith(f"{BOOK}/{PINNED[1]}/cycles/1300/") for name in kept())
