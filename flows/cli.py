"""``avwap``: one entry. Every command takes ``--json``, says what it wrote, and exits by what the caller must do.

0 done; 2 usage or configuration; 3 refused fail-closed; 4 divergence or corruption; 1 anything else.
"""

import gc
import sys
from typing import Any, Final

import typer
from typer.exceptions import TyperException

from flows import console
from flows.commands import (
    admin,
    calibrate,
    compare,
    data,
    evidence,
    explain,
    intents,
    limits,
    look,
    metrics,
    notify,
    operator,
    posture,
    prove,
    regime,
    reliability,
    replaying,
    report,
    run,
    serve,
    single,
)
from schemas.errors import AvwapError, UsageFault
from schemas.reasons.edge import EdgeCode

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="AVWAP: a deterministic daily trading pipeline. Start with `avwap demo`.",
)
run.register(app)
single.register(app)
look.register(app)
report.register(app)
replaying.register(app)
limits.register(app)
explain.register(app)
calibrate.register(app)
admin.register(app)
regime.register(app)
reliability.register(app)
metrics.register(app)
compare.register(app)
app.add_typer(data.app, name="data")
app.add_typer(prove.app, name="prove")
app.add_typer(evidence.app, name="evidence")
app.add_typer(intents.app, name="intents")
app.add_typer(operator.app, name="operator")
app.add_typer(notify.app, name="notify")
app.add_typer(posture.app, name="posture")
app.add_typer(serve.app, name="serve")
app.add_typer(admin.config, name="config")


YOUNG_MAX: Final = 200_000
"""Objects made before the collector looks for cycles: a scan makes a million that hold none, and is over."""
INTERRUPTED: Final = 130
"""What typer turns Ctrl-C into."""


def main(argv: list[str] | None = None) -> None:
    """Run a command and exit. The console is one of the three places where any error is caught, and told."""
    gc.set_threshold(YOUNG_MAX, *gc.get_threshold()[1:])
    words = sys.argv[1:] if argv is None else argv
    as_json = "--json" in words
    try:
        code = app(args=words, prog_name="avwap", standalone_mode=False)
        sys.exit(_interrupted(as_json) if code == INTERRUPTED else code)
    except TyperException as error:
        sys.exit(_misused(error, as_json))
    except AvwapError as error:
        sys.exit(console.refuse(error, as_json))
    except OSError as error:
        sys.exit(console.refuse(console.from_os_error(error), as_json))
    except Exception as error:  # noqa: BLE001  # the console, a boundary of architecture.md 7
        console.ERR.print_exception(max_frames=6)
        fault = AvwapError(
            EdgeCode.INTERNAL,
            f"{type(error).__name__}: {error}",
            safe="every file on disk is whole; what was written stays",
            next="report the lines above: this is a fault of ours",
        )
        sys.exit(console.refuse(fault, as_json))
    finally:
        if argv is None:
            # The process is over: to look for cycles among what ends with it took a quarter of a scan.
            gc.freeze()


def _misused(error: Any, as_json: bool) -> int:
    """A command line that cannot be meant, said like any other refusal; a bare group shows its help."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "avwap"
    if type(error).__name__ == "NoArgsIsHelpError" and not as_json:
        error.show()
        return UsageFault.exit_code
    message = (
        "no command was named" if type(error).__name__ == "NoArgsIsHelpError" else error.format_message()
    )
    fault = UsageFault(
        EdgeCode.USAGE,
        message,
        safe="nothing was started",
        next=f"{path} --help shows what it takes, with an example",
    )
    return console.refuse(fault, as_json)


def _interrupted(as_json: bool) -> int:
    fault = AvwapError(
        EdgeCode.INTERRUPTED,
        "the command was stopped from the keyboard",
        safe="what was written is whole, and what was sent is in the journal",
        next="run the same command again to go on",
    )
    return console.refuse(fault, as_json)
