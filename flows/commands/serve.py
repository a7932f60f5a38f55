"""``avwap serve exchange``: an exchange of one's own on this machine, which a paper setup takes for Alpaca's."""

import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from flows import console
from flows.commands.options import Home, Json, house

if TYPE_CHECKING:
    from flows.serving import Open

app = typer.Typer(no_args_is_help=True, help="Serve a part of this system to other programs on this machine.")


@app.callback()
def _group() -> None:
    """Typer would take a group of one command for that command."""


def _as_instant(text: str) -> datetime:
    from market.calendar import NEW_YORK

    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no instant; the form is 2016-06-01T09:25") from None
    return found.replace(tzinfo=NEW_YORK) if found.tzinfo is None else found


@app.command("exchange")
def exchange(
    bars: Annotated[
        Path,
        typer.Option("--bars", metavar="FILE", help="CSV or Parquet: bars of days, or of 5 or 10 minutes."),
    ],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Of this machine; 0: any.")] = 8470,
    speed: Annotated[
        float,
        typer.Option(
            "--speed", help="Seconds that pass in one; 0: time stands until POST /sim/clock moves it."
        ),
    ] = 1.0,
    at: Annotated[
        datetime | None,
        typer.Option(
            "--at",
            parser=_as_instant,
            metavar="INSTANT",
            help="Where time begins, New York; default: the first open.",
        ),
    ] = None,
    fault_seed: Annotated[
        int | None, typer.Option("--fault-seed", help="Draw faults of line and stream by this seed.")
    ] = None,
    fault_rate: Annotated[
        float | None,
        typer.Option(
            "--fault-rate", min=0, max=1, help="Part of requests and updates that meet one; default 0.05."
        ),
    ] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Serve the simulated exchange in Alpaca's protocol, on 127.0.0.1 alone, until Ctrl-C. Nothing of it is kept.

    Costs and order rules are those of `[exchange]` and `[sim]`. With `--json` one object is printed when it is open.

    Example: `avwap serve exchange --port 8470 --bars bars.csv --speed 60 --at 2016-06-01T09:25`
    """
    from flows import serving

    rate = 0.05 if fault_rate is None and fault_seed is not None else fault_rate or 0.0
    wish = serving.Wish(bars=bars, port=port, at=at, speed=speed, fault_seed=fault_seed, fault_rate=rate)
    served = serving.opened(house(home), wish)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)  # a shell's background job ignores the keyboard otherwise
    with served.server:
        console.emit(_body(served, wish.speed), as_json, lambda: _tell(served, bars.name, wish.speed))
        sys.stdout.flush()
        try:
            served.until_stopped()
        except KeyboardInterrupt:
            if not as_json:
                _tell_end(served)


def _stop(*_: Any) -> NoReturn:
    """A request to end is one from the keyboard."""
    raise KeyboardInterrupt


def _body(served: "Open", speed: float) -> dict[str, Any]:
    from simulation.alpaca_server import KEY_ID, SECRET_KEY

    server, market = served.server, served.market
    return {
        "trading_url": server.url,
        "data_url": server.data_url,
        "stream_url": server.stream_url,
        "key_id": KEY_ID,
        "secret_key": SECRET_KEY,
        "now": served.clock.now().isoformat(),
        "speed": speed,
        "symbols": len(market.symbols),
        "first": str(market.first),
        "last": str(market.last),
        "bar_seconds": market.seconds,
        "rows_left_out": market.left_out,
    }


def _tell(served: "Open", name: str, speed: float) -> None:
    from market.calendar import NEW_YORK

    body, market = _body(served, speed), served.market
    kind = "bars of days, each drawn as a path" if market.seconds is None else f"bars of {market.seconds} s"
    now = served.clock.now().astimezone(NEW_YORK)
    pace = f"{speed:g} s pass in one" if speed else "it stands until POST /sim/clock moves it"
    console.note(f"serving  {name}: {len(market.symbols):,} symbols, {market.first} to {market.last}, {kind}")
    if market.left_out:
        console.note(f"left out {market.left_out:,} rows that are no bar of a session")
    console.note(f"time     {now:%Y-%m-%d %H:%M} New York; {pace}")
    console.note("")
    console.note("[alpaca]")
    console.note(f'url_override = "{body["trading_url"]}"')
    console.note(f'data_url_override = "{body["data_url"]}"')
    console.note(f'stream_url_override = "{body["stream_url"]}"')
    console.note("")
    console.note(f"export APCA_API_KEY_ID={body['key_id']}")
    console.note(f"export APCA_API_SECRET_KEY={body['secret_key']}")
    console.note("")
    console.note("Ctrl-C stops it; its account is gone then.")


def _tell_end(served: "Open") -> None:
    state, met = served.exchange.state, served.server.faults.met
    fills = sum(map(len, state.fills.values()))
    console.note(
        f"stopped  {len(served.server.requests):,} requests, {len(state.orders):,} orders, {fills:,} fills"
    )
    if met:
        console.note("faults   " + ", ".join(f"{name} {count:,}" for name, count in sorted(met.items())))
