"""The change of equity is the sum of its rows, exactly; what does not add up is named and never spread.

A row is one strategy's symbol: what was realised in the session (trades) and how its unrealised moved (two
snapshots). Fees count when paid. Source: strategy.md 9.9.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from analytics.exact import divided
from analytics.lots import ZERO
from schemas.attribution import Attribution, AttributionRow, AttributionTotal
from schemas.base import Fact
from schemas.header import Finding
from schemas.reasons.analytics import AttributionCode as Code
from schemas.snapshot import Snapshot
from schemas.trades import Trades

PORTFOLIO: Final = "PORTFOLIO"
MONEY: Final = (
    "realised_gross",
    "fees",
    "dividends",
    "cash_movements",
    "transfers",
    "unrealised_change",
    "net",
)
EXPOSURE: Final = ("gross_exposure", "net_exposure")

Key = tuple[str, str, str | None]


class AttributionConfig(Fact):
    """How large a part of equity may stay unexplained: nothing."""

    residual_max: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionInputs:
    """Two closes and what was traded between them."""

    snapshot: Snapshot
    previous: Snapshot
    trades: Trades


def run(inputs: AttributionInputs, config: AttributionConfig) -> Attribution:
    """Rows, totals, and the residual that must be 0."""
    after, before = inputs.snapshot, inputs.previous
    base = None
    if before.equity is not None and before.equity + after.flows > 0:
        base = before.equity + after.flows
    rows = tuple(_row(key, sums, base) for key, sums in sorted(_sums(inputs).items(), key=_by_key))
    total = _total(PORTFOLIO, rows)
    change = None
    if after.equity is not None and before.equity is not None:
        change = after.equity - before.equity - after.flows
    residual = None if change is None else change - total.net
    unspread = None
    if after.session_return is not None and total.contribution is not None:
        unspread = after.session_return - total.contribution
    findings = tuple(_findings(after, before, residual, config))
    return Attribution(
        equity=after.equity,
        equity_previous=before.equity,
        flows=after.flows,
        equity_change=change,
        rows=rows,
        by_strategy=_totals(rows, lambda row: row.strategy_id),
        by_sleeve=_totals(rows, lambda row: row.sleeve_id),
        total=total,
        residual=residual,
        session_return=after.session_return,
        rounding_residual=unspread,
        findings=findings,
        complete=not findings,
    )


def _by_key(item: tuple[Key, Mapping[str, Decimal]]) -> tuple[str, str, str]:
    (strategy, sleeve, symbol), _ = item
    return strategy, sleeve, symbol or ""


def _sums(inputs: AttributionInputs) -> dict[Key, dict[str, Decimal]]:
    sums: dict[Key, dict[str, Decimal]] = {}

    def add(key: Key, **amounts: Decimal) -> None:
        row = sums.setdefault(key, dict.fromkeys((*MONEY, *EXPOSURE), ZERO))
        for name, amount in amounts.items():
            row[name] += amount

    for row in inputs.trades.realised:
        add(
            (row.strategy_id, row.sleeve_id, row.symbol),
            realised_gross=row.gross,
            fees=row.fees,
            dividends=row.dividends,
            cash_movements=row.cash_movements,
            transfers=row.transfers,
        )
    for held in inputs.previous.positions:
        add((held.strategy_id, held.sleeve_id, held.symbol), unrealised_change=-held.unrealised)
    for held in inputs.snapshot.positions:
        add(
            (held.strategy_id, held.sleeve_id, held.symbol),
            unrealised_change=held.unrealised,
            gross_exposure=abs(held.notional),
            net_exposure=held.notional,
        )
    return sums


def _row(key: Key, sums: Mapping[str, Decimal], base: Decimal | None) -> AttributionRow:
    earned = sums["realised_gross"] - sums["fees"] + sums["dividends"]
    net = earned + sums["cash_movements"] + sums["transfers"] + sums["unrealised_change"]
    return AttributionRow(
        strategy_id=key[0],
        sleeve_id=key[1],
        symbol=key[2],
        **{**sums, "net": net},
        contribution=None if base is None else divided(net, base, 9),
    )


def _total(name: str, rows: Iterable[AttributionRow]) -> AttributionTotal:
    rows = tuple(rows)
    shares = [row.contribution for row in rows]
    known = all(share is not None for share in shares)
    return AttributionTotal(
        name=name,
        **{field: sum((getattr(row, field) for row in rows), ZERO) for field in (*MONEY, *EXPOSURE)},
        contribution=sum((share for share in shares if share is not None), ZERO) if known else None,
    )


def _totals(
    rows: tuple[AttributionRow, ...], name: Callable[[AttributionRow], str]
) -> tuple[AttributionTotal, ...]:
    """One total per name, the most money first, either way."""
    totals = [
        _total(wanted, [row for row in rows if name(row) == wanted])
        for wanted in sorted({name(row) for row in rows})
    ]
    return tuple(sorted(totals, key=lambda total: (-abs(total.net), total.name)))


def _findings(
    after: Snapshot, before: Snapshot, residual: Decimal | None, config: AttributionConfig
) -> Iterable[Finding]:
    for side in (before, after):
        if side.equity is None:
            yield Finding(
                code=Code.EQUITY_UNKNOWN,
                subject=side.closed_session.isoformat(),
                detail="nothing to add up to at this close",
            )
    if residual is not None and abs(residual) > config.residual_max:
        yield Finding(
            code=Code.ATTRIBUTION_RESIDUAL,
            subject="book",
            observed=str(residual),
            threshold=str(config.residual_max),
            detail="change of equity that no row explains",
        )
