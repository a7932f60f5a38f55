"""What people are told is made from files alone, says what is wrong first, and is always something that Slack takes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.day import open_day
from flows.house import House
from flows.messages.daily import daily_summary
from flows.messages.execution import execution_alerts
from flows.messages.risk import risk_summary
from flows.settings import load
from flows.slack.blocks import client_id, faults, payload
from flows.slack.redact import redacted
from flows.summary import escaped
from schemas.events import StopEvent
from schemas.outbox import Message, MessageKind, Severity
from tests.flows.golden_messages import FOLDER, bytes_of, journal_of, messages, record, trouble
from tests.flows.worlds import SEALED, avwap, copy


@pytest.fixture(scope="module")
def made(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Message]:
    return messages(copy(ready, tmp_path_factory.mktemp("messages") / "home"))


def test_each_message_is_the_one_that_was_kept(made: dict[str, Message]) -> None:
    """These pin, they do not prove: ``python -m tests.flows.golden_messages`` writes them."""
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == sorted(made)
    assert [] == [
        name for name, each in made.items() if (FOLDER / f"{name}.json").read_bytes() != bytes_of(each)
    ]


def test_each_message_fits_slack(made: dict[str, Message]) -> None:
    assert {} == {name: found for name, each in made.items() if (found := faults(payload(each)))}


@given(
    text=st.text(min_size=1, max_size=400),
    blocks=st.lists(st.text(min_size=1, max_size=3500), max_size=70),
    severity=st.sampled_from(Severity),
    left_out=st.integers(min_value=0, max_value=9999),
)
def test_whatever_was_escaped_and_cut_is_something_that_slack_takes(
    text: str, blocks: list[str], severity: Severity, left_out: int
) -> None:
    message = Message(
        id="msg_" + "0" * 20,
        kind=MessageKind.SCAN_SUMMARY,
        book_id="SIM",
        session_date=SEALED,
        sources=(),
        severity=severity,
        text=escaped(text)[:300],
        blocks=tuple(escaped(each)[:3000] for each in blocks),
    )
    assert () == faults(payload(message, (), left_out))


def test_each_limit_of_slack_is_held_against_a_body(made: dict[str, Message]) -> None:
    body = payload(made["scan"])
    section = body["blocks"][0]

    def told(**changes: object) -> str:
        return "; ".join(faults({**body, **changes}))

    def worded(text: str) -> list[object]:
        return [{**section, "text": {"type": "mrkdwn", "text": text}}]

    many = [{**section, "block_id": str(n)} for n in range(51)]
    assert "text: 0 characters, of 1 to 4000" == told(text="")
    assert "text: 4001 characters, of 1 to 4000" == told(text="x" * 4001)
    assert "blocks: 51, of 1 to 50" == told(blocks=many)
    assert "blocks: a block_id stands twice" == told(blocks=[section, section])
    assert "blocks/0: 3001 characters, of 1 to 3000" == told(blocks=worded("x" * 3001))
    assert "blocks/0: 0 characters, of 1 to 3000" == told(blocks=worded(""))
    for text in ("<!channel>", "A & B", "&lt", "&quot;"):
        assert "blocks/0: a character that Slack reads as markup is not spelled out" == told(
            blocks=worded(text)
        )


def test_a_message_has_one_client_id_and_another_has_another() -> None:
    assert client_id("msg_1") == client_id("msg_1")
    assert client_id("msg_1") != client_id("msg_2")


def test_what_looks_like_a_secret_or_is_one_is_masked_and_words_are_not() -> None:
    masked = redacted(
        "xoxb-12-abcDEF-99 Bearer abcdefghijklmnop PK0123456789ABCDEFGH hunter2000", ("hunter2000", "a")
    )
    assert "[redacted] [redacted] [redacted] [redacted]" == masked
    assert "PKG and PKOH rose; bearer of news" == redacted("PKG and PKOH rose; bearer of news")


def test_the_gravest_is_said_first_and_an_order_that_is_only_asked_after_is_not_told(
    made: dict[str, Message],
) -> None:
    alarm = made["execution_trouble"]
    assert Severity.CRITICAL == alarm.severity
    assert alarm.text.startswith(
        "SIM 2016-03-09 cycle 1005: 3 cycles missed; stop of A&lt;B lost; an order frozen"
    )
    assert "ord_2" not in "".join(alarm.blocks)
    assert ["*gap*", "*stop lost*", "*order frozen*", "*position failed*", "*contradicted*"] == [
        line.split(":")[0] for line in alarm.blocks[1].splitlines()
    ]


def test_each_cycle_is_one_message_and_what_came_outside_of_any_is_one_each(home: Path) -> None:
    day = open_day(House(load(home)), "SIM", SEALED)
    told = execution_alerts(day, journal_of(day))
    fills = [each for each in journal_of(day) if each.event == "order.filled"]
    assert len({each.cycle for each in fills}) == len(told)
    assert len(fills) == sum(block.count(" at ") for each in told for block in each.blocks)
    lost = trouble()[1]
    outside = [record("stop.lost", StopEvent.model_validate(lost.data), seq, cycle=None) for seq in (7, 8)]
    assert 2 == len({each.id for each in execution_alerts(day, outside)})
    assert () == execution_alerts(day, [each for each in journal_of(day) if each.event != "order.filled"])


def test_a_close_whose_files_are_missing_says_which_and_warns(home: Path) -> None:
    day = open_day(House(load(home)), "SIM", SEALED)
    whole = daily_summary(day)
    assert Severity.NOTICE == whole.severity
    for name in ("snapshot", "trades", "reconciliation", "attribution"):
        (home / f"ledger/SIM/{SEALED}/{name}.json").unlink()
    bare = daily_summary(open_day(House(load(home)), "SIM", SEALED))
    assert ("SIM 2016-03-09: no snapshot (MISSING)", Severity.WARNING) == (bare.text, bare.severity)
    told = "\n".join(bare.blocks)
    for words in ("no snapshot", "no trades file", "not compared with the broker", "no attribution"):
        assert f"*{words}*: `MISSING`" in told
    assert bare.id != whole.id


def test_without_a_summary_of_risk_there_is_no_message_about_it(home: Path) -> None:
    assert risk_summary(open_day(House(load(home)), "SIM", SEALED)) is None


@pytest.mark.parametrize("kind", ["scan", "enforcement", "execution", "daily"])
def test_preview_prints_each_kind_also_as_slack_gets_it(home: Path, kind: str) -> None:
    words = ("notify", "preview", "--book", "SIM", "--date", str(SEALED), "--kind", kind)
    body = avwap(home, *words, "--blocks", "--json").body
    row = body["messages"][-1] if kind == "execution" else body
    assert row["slack"]["text"] == row["message"]["text"]
    assert row["message"]["text"] in avwap(home, *words).out


@pytest.mark.parametrize(
    ("kind", "words"), [("blocked", "no entry was blocked"), ("risk", "no summary of risk")]
)
def test_preview_says_so_where_there_is_nothing_to_tell(home: Path, kind: str, words: str) -> None:
    said = avwap(home, "notify", "preview", "--book", "SIM", "--date", str(SEALED), "--kind", kind)
    assert 0 == said.code
    assert words in said.out
