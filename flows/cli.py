"""``avwap``: one entry. Every command takes ``--json``, says what it wrote, and exits by what the caller must do.

0 done; 2 usage or configuration; 3 refused fail-closed; 4 divergence or corruption; 1 anything else.
"""

import sys

import typer

from flows import console
from flows.commands import admin, data, look, run, single
from schemas.errors import AvwapError

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
admin.register(app)
app.add_typer(data.app, name="data")
app.add_typer(admin.config, name="config")


def main(argv: list[str] | None = None) -> None:
    """Run a command and exit. The console is one of the three places where any error is caught, and told."""
    words = sys.argv[1:] if argv is None else argv
    as_json = "--json" in words
    try:
        app(args=words, prog_name="avwap", standalone_mode=True)
    except AvwapError as error:
        sys.exit(console.refuse(error, as_json))
    except KeyboardInterrupt:
        console.ERR.print(
            "interrupted  what was written is whole; run the same command again to go on", highlight=False
        )
        sys.exit(1)
    except OSError as error:
        sys.exit(console.refuse(console.from_os_error(error), as_json))
    except (
        Exception
    ) as error:  # the console boundary (architecture.md 7): told with its place, never swallowed
        console.ERR.print_exception(max_frames=6)
        fault = AvwapError(
            "INTERNAL",
            f"{type(error).__name__}: {error}",
            safe="every file on disk is whole; what was written stays",
            next="report the lines above: this is a fault of ours",
        )
        sys.exit(console.refuse(fault, as_json))
