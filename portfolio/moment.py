"""A moment lies between two decisions: what the book has in use, in every grouping that a limit asks about.

The groupings are counted once, as the batch opens; each allowed entry then adds itself to those that it is in.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from portfolio.conflicts import Taken
from portfolio.exposure import Exposure, plus, total
from portfolio.sleeves import Sharing, Use, use_by_sleeve
from schemas.candidates import TradeIntent

Sectors = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What is in use at one point of a batch.

    Attributes:
        symbols: those with a position, a working entry or an allowed one, sorted.
        sleeves: use by sleeve_id.
        sectors: worst case by sector, USD, None for a symbol that has none; empty without a table of sectors.
        taken: what the batch allowed so far, by symbol.
    """

    exposure: Exposure
    symbols: tuple[str, ...]
    sleeves: Mapping[str, Use]
    sectors: Mapping[str | None, Decimal | None]
    taken: Mapping[str, tuple[Taken, ...]]

    def sector_use(self, sector: str | None) -> Decimal | None:
        """Worst case in *sector*, USD; None: unknown."""
        return self.sectors.get(sector, Decimal(0))

    def after(
        self,
        intent: TradeIntent,
        *,
        quantity: int,
        price: Decimal,
        unit_risk: Decimal,
        sharing: Sharing,
        sectors: Sectors | None,
    ) -> "Moment":
        """The moment once *quantity* shares of *intent* at *price* are allowed."""
        symbol = intent.symbol
        exposure = self.exposure.after(
            intent_id=intent.intent_id,
            strategy_id=intent.strategy_id,
            symbol=symbol,
            quantity=quantity,
            price=price,
        )
        row = Taken(
            intent_id=intent.intent_id,
            strategy_id=intent.strategy_id,
            side=intent.side,
            risk=quantity * unit_risk,
        )
        notional = quantity * price
        is_new = (intent.strategy_id, symbol) not in self.exposure.slots
        return Moment(
            exposure=exposure,
            symbols=_with(self.symbols, symbol),
            sleeves=self._used(sharing.sleeve_of(intent.strategy_id), notional, positions=int(is_new)),
            sectors={} if sectors is None else self._worst(sectors.get(symbol), notional),
            taken={**self.taken, symbol: (*self.taken.get(symbol, ()), row)},
        )

    def _used(self, sleeve_id: str, notional: Decimal, positions: int) -> dict[str, Use]:
        """Use by sleeve_id, sorted, once *sleeve_id* takes so much more."""
        before = self.sleeves.get(sleeve_id, Use(positions=0, gross=Decimal(0)))
        after = Use(positions=before.positions + positions, gross=plus(before.gross, notional))
        return dict(sorted({**self.sleeves, sleeve_id: after}.items()))

    def _worst(self, sector: str | None, notional: Decimal) -> dict[str | None, Decimal | None]:
        return {**self.sectors, sector: plus(self.sector_use(sector), notional)}


def _with(symbols: tuple[str, ...], symbol: str) -> tuple[str, ...]:
    """*symbols*, which are sorted, with *symbol* among them once."""
    at = bisect_left(symbols, symbol)
    return symbols if symbols[at : at + 1] == (symbol,) else (*symbols[:at], symbol, *symbols[at:])


def moment_of(exposure: Exposure, sharing: Sharing, sectors: Sectors | None) -> Moment:
    """The moment of *exposure*, before anything was allowed. *sectors* None: there is no table of sectors."""
    return Moment(
        exposure=exposure,
        symbols=tuple(sorted({symbol for _, symbol in exposure.slots})),
        sleeves=use_by_sleeve(exposure, sharing),
        sectors={} if sectors is None else _by_sector(exposure, sectors),
        taken={},
    )


def _by_sector(exposure: Exposure, sectors: Sectors) -> dict[str | None, Decimal | None]:
    rows: dict[str | None, list[Decimal | None]] = defaultdict(list)
    for symbol, worst in exposure.symbols.items():
        rows[sectors.get(symbol)].append(worst)
    return {sector: total(values) for sector, values in rows.items()}
