"""What an operator sets: the kill switch, the deployments, the configuration."""

from typing import Annotated, Any

import typer

from flows import console
from flows.commands.options import Book, Home, Json, house, who_and_why
from schemas.errors import UsageFault
from schemas.reasons.edge import EdgeCode

Reason = Annotated[str, typer.Option("--reason", help="Why; journaled.")]
Operator = Annotated[str, typer.Option("--operator", help="Who; journaled.", envvar="USER")]

config = typer.Typer(no_args_is_help=True, help="Check the configuration offline, or show all of it.")


def register(app: typer.Typer) -> None:
    """Add the commands to *app*."""
    app.command("kill")(kill)
    app.command("resume")(resume)
    app.command("deploy")(deploy)


def kill(
    switch: Annotated[str, typer.Argument(metavar="on|off", help="on: no new entries; exits go on.")],
    book: Book,
    reason: Reason,
    operator: Operator = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Stop new entries of a book, or allow them again. Set as a file and in the journal; survives restarts.

    Example: `avwap kill on --book SIM --reason "feed looks wrong" --operator jo`
    """
    from flows.switch import throw

    if switch not in ("on", "off"):
        raise UsageFault(
            EdgeCode.USAGE,
            f"kill {switch}: it is either on or off",
            safe="nothing was changed",
            next="avwap kill on … or avwap kill off …",
        )
    who_and_why("a kill switch", operator, reason)
    wrote = throw(house(home), book, switch == "on", operator, reason)
    console.emit({"book": book, "kill": switch, "wrote": wrote}, as_json, lambda: console.notes(wrote))


def resume(
    book: Book,
    reason: Reason,
    operator: Operator = "",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Let a book go on that waits for a person: after a pause, or so many losses in a row (CONSEC_LOSS).

    Example: `avwap resume --book SIM --reason "five gaps in one week; sizes checked" --operator jo`

    The same as `avwap operator resume`.
    """
    from flows.operating import Act, operate

    who_and_why("a resume", operator, reason)
    wrote = operate(house(home), book, Act(verb="resume", operator=operator, reason=reason))
    console.emit({"book": book, "wrote": wrote}, as_json, lambda: console.notes(wrote))


def deploy(home: Home = None, as_json: Json = False) -> None:
    """Register the deployments of prefect.yaml with the Prefect server of PREFECT_API_URL.

    Example: `PREFECT_API_URL=http://127.0.0.1:4200/api avwap deploy`
    """
    from flows.deploying import register_deployments

    names = register_deployments(house(home))
    console.emit({"deployments": names}, as_json, lambda: console.note(f"registered {', '.join(names)}"))


@config.command("check")
def check(home: Home = None, as_json: Json = False) -> None:
    """Read avwap.toml, the environment and the defaults, offline; report every fault at once.

    Example: `avwap config check`
    """
    from flows.settings import ConfigInvalid
    from flows.sound import judge

    found = judge(home)
    if found.settings is None or found.faults:
        raise ConfigInvalid(found.faults)
    body: dict[str, Any] = {
        "ok": True,
        "config_sha256": found.settings.config_sha256(),
        "warnings": list(found.warnings),
    }

    def render() -> None:
        for warning in body["warnings"]:
            console.note(f"warning  {warning}")
        console.note(f"sound    configuration {body['config_sha256']}")

    console.emit(body, as_json, render)


@config.command("show")
def show(home: Home = None, as_json: Json = False) -> None:
    """Print every setting in force, secrets redacted, as TOML.

    Example: `avwap config show`
    """
    from flows.toml import as_toml

    at = house(home)
    body = at.settings.shown()
    console.emit({**body, "config_sha256": at.config_sha256}, as_json, lambda: console.note(as_toml(body)))
