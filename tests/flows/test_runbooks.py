"""A runbook's commands are run before a person needs them: each exists with its options, and drills run whole pages."""

import re
import shlex
from pathlib import Path

import pytest

from schemas.reasons.edge import EdgeCode
from tests.flows.worlds import NEXT, avwap

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path.name for path in (ROOT / "runbooks").glob("*.md"))
DATES = {"2016-06-01": str(NEXT), "2016-06-30": str(NEXT), "AAPL": "SPY"}
GROUPS = ("serve", "data", "config", "prove", "notify", "intents", "operator", "posture")


def pasted(page: str) -> list[list[str]]:
    """The words of each ``avwap`` line in the fences of a page, in order."""
    text = (ROOT / "runbooks" / page).read_text(encoding="utf-8")
    fences = re.findall(r"^```[^\n]*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for fence in fences for line in fence.splitlines() if line.startswith("avwap ")]
    return [shlex.split(line, comments=True)[1:] for line in lines]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_runbook_exists_with_its_options(page: str) -> None:
    for words in pasted(page):
        is_grouped = words[0] in GROUPS or words[:2] == ["evidence", "verify"]
        command = words[:2] if is_grouped else words[:1]
        said = avwap(None, *command, "--help")
        assert 0 == said.code, words
        assert [] == [word for word in words if word.startswith("--") and word not in said.out], words


@pytest.mark.parametrize("page", ["cli.md", "kill-switch.md", "prefect.md"])
def test_a_page_pasted_line_by_line_does_what_it_says(
    home: Path, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    monkeypatch.setenv("AVWAP_HOME", str(home))
    monkeypatch.chdir(home)
    lines = [words for words in pasted(page) if words != ["deploy"]]
    assert 2 <= len(lines)
    for words in lines:
        said = avwap(None, *(DATES.get(word, word.replace("2016-06-01", str(NEXT))) for word in words))
        assert 0 == said.code, (words, said.err)


def test_every_code_of_the_edge_has_its_line() -> None:
    told = re.findall(
        r"^\| `([A-Z0-9_]+)` \|", (ROOT / "runbooks/codes-edge.md").read_text(), flags=re.MULTILINE
    )
    assert [code.value for code in EdgeCode] == told


def test_the_index_names_every_page() -> None:
    index = (ROOT / "runbooks/README.md").read_text(encoding="utf-8")
    assert [] == [page for page in PAGES if page != "README.md" and f"({page})" not in index]
