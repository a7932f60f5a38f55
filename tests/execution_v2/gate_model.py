"""A book under a stream of wishes, breaks and exits, beside a bookkeeper that counts for itself in whole numbers.

``block`` runs seeded steps against the real gates and fails on the first breach: an entry that passed although
something was broken, a cap that approved entries exceed, or a reduction that was not given out.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random
from typing import Final

from execution_v2.enforce import Authorised, Refused, judge
from execution_v2.gates.facts import EnforcementConfig, EntryOrder, Phase
from execution_v2.gates.table import GATES
from execution_v2.risk_class import reducible, reduction
from portfolio.exposure import measure
from portfolio.limits import Sleeve
from portfolio.sleeves import Sharing, use_by_sleeve
from schemas.book import BookState, Leg, OrderState
from schemas.observations import QuoteFacts
from tests.execution_v2.gate_cases import CASES
from tests.execution_v2.gate_world import NOW, World, good
from tests.portfolio.books import CORE, D, book, config_with, order, position

TREND: Final = "S2_INDEX_TREND"
SYMBOLS: Final = tuple("ABCDEFGH")
LIVE: Final = (OrderState.LIVE, OrderState.SUBMITTING, OrderState.CANCELLING)
UNKNOWN: Final = (OrderState.SUBMIT_UNKNOWN, OrderState.CANCEL_UNKNOWN)
COUNTED: Final = {
    "RISK_PER_TRADE_PCT",
    "GROSS_EXPOSURE_ABS",
    "GROSS_EXPOSURE_PCT",
    "POSITIONS_MAX",
    "S2_MAX_POSITIONS",
    "S2_MAX_GROSS_EXPOSURE",
    "EXPOSURE_ENVELOPE",
}
"""Codes whose case is a limit set just below what one certain book holds: here the bookkeeper counts them."""
BREAKS: Final = tuple(sorted(code for code in CASES if code not in COUNTED))
GATE_ORDER: Final = [gate.name for gate in GATES]
BASE: Final = good()
CENT: Final = Decimal("0.01")


@dataclass(slots=True)
class Row:
    """One approved entry as the bookkeeper sees it: shares held, shares still working, limit in cents."""

    strategy: str
    symbol: str
    held: int
    working: int
    limit: int
    intent: str
    sold: int = 0


@dataclass(slots=True)
class Model:
    """The world of one block. Money of the bookkeeper is in cents, its shares of equity in hundredths of a percent."""

    random: Random
    caps: dict[str, int] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    intents: set[str] = field(default_factory=set)
    marks: dict[str, int] = field(default_factory=dict)
    steps: Counter[str] = field(default_factory=Counter)
    number: int = 0
    cash: int = 0
    equity: int = 0
    state: BookState = field(default_factory=book)
    config: EnforcementConfig = BASE.config

    def set_up(self) -> None:
        """Draw limits, prices and an account."""
        r = self.random
        self.marks = {name: r.randint(500, 20_000) for name in SYMBOLS}
        self.equity = r.choice([2_000_000, 10_000_000])
        self.cash = r.randint(self.equity // 10, 2 * self.equity)
        self.caps = {
            "risk_abs": r.randint(100, 200_000),
            "risk_bps": r.choice([5, 50, 100, 500]),
            "gross_abs": r.randint(500_000, 12_000_000),
            "gross_bps": r.choice([1_000, 5_000, 10_000, 20_000]),
            "symbol_bps": r.choice([500, 2_000, 10_000]),
            "positions": r.randint(1, 8),
            "entries": r.randint(1, 8),
            "sleeve_gross": r.randint(300_000, 8_000_000),
            "sleeve_positions": r.randint(1, 6),
        }
        limits = {
            "risk_per_trade_abs_max_usd": self.caps["risk_abs"] * CENT,
            "risk_per_trade_pct_max": Decimal(self.caps["risk_bps"]).scaleb(-4),
            "gross_abs_max_usd": self.caps["gross_abs"] * CENT,
            "gross_pct_max": Decimal(self.caps["gross_bps"]).scaleb(-4),
            "symbol_pct_max": Decimal(self.caps["symbol_bps"]).scaleb(-4),
            "positions_max": self.caps["positions"],
            "entries_per_day_max": self.caps["entries"],
        }
        sleeve = Sleeve(
            sleeve_id=CORE,
            max_gross_exposure=self.caps["sleeve_gross"] * CENT,
            max_concurrent_positions=self.caps["sleeve_positions"],
        )
        self.config = EnforcementConfig(
            portfolio=config_with("SIM", **limits),
            sharing=Sharing(
                sleeves={CORE: sleeve}, allow_unsleeved=True, allow_symbol_overlap=r.random() < 0.5
            ),
        )

    def world(self, entry: EntryOrder) -> World:
        """The gates' facts of this moment, as a cycle would gather them."""
        marks = {name: cents * CENT for name, cents in self.marks.items()}
        exposure = measure(self.state, marks, D, cash=self.cash * CENT)
        assert BASE.facts.moment is not None
        quote = QuoteFacts(symbol=entry.symbol, last=marks.get(entry.symbol, CENT), as_of=NOW)
        facts = replace(
            BASE.facts,
            book_id="SIM",
            book=self.state,
            exposure=exposure,
            marks=marks,
            equity=self.equity * CENT,
            buying_power=self.cash * CENT,
            sleeve_uses=use_by_sleeve(exposure, self.config.sharing),
            moment=replace(BASE.facts.moment, quote=quote),
        )
        return World(entry=entry, facts=facts, config=self.config)

    # -- steps ---------------------------------------------------------------------------------------------

    def wish(self) -> None:
        """An entry arrives; if it passes, the bookkeeper checks every cap, and it becomes a working order."""
        r = self.random
        self.number += 1
        symbol, strategy = r.choice(SYMBOLS), r.choice((CORE, CORE, TREND))
        limit = self.marks[symbol] * r.randint(98, 103) // 100
        stop = limit * r.choice([92, 95, 97, 98, 99, 99, 100]) // 100
        quantity = Decimal(self.quantity(symbol, limit, stop))
        entry = replace(
            BASE.entry,
            intent_id="int_again" if r.random() < 0.05 else f"int_{self.number}",
            symbol=symbol,
            strategy_id=strategy,
            sleeve_id=strategy,
            quantity=r.choice([quantity, quantity, quantity + CENT]) if r.random() < 0.02 else quantity,
            limit=limit * CENT,
            limit_cap=(limit + r.choice([-1, 0, 50, 50, 50])) * CENT,
            stop=stop * CENT,
        )
        made = self.world(entry)
        result = judge(entry, made.facts, made.config, Phase.S)
        if isinstance(result, Authorised):
            self.steps["entered"] += 1
            self.take(entry, limit, stop)
        else:
            self.steps["refused"] += 1
            reported(result)

    def quantity(self, symbol: str, limit: int, stop: int) -> int:
        """Shares that some cap has just room for, one more, one less, or far fewer."""
        caps, r = self.caps, self.random
        used = sum(self.worst(name) for name in SYMBOLS)
        rooms = [
            caps["risk_abs"] // max(1, limit - stop),
            caps["risk_bps"] * self.equity // (10_000 * max(1, limit - stop)),
            (caps["gross_abs"] - used) // limit,
            (caps["gross_bps"] * self.equity // 10_000 - used) // limit,
            (caps["symbol_bps"] * self.equity // 10_000 - self.worst(symbol))
            // max(limit, self.marks[symbol]),
            (caps["sleeve_gross"] - used) // limit,
            (self.cash - sum(row.working * row.limit for row in self.rows)) // limit,
        ]
        edge = max(0, r.choice([*rooms, *[min(rooms)] * 3]))
        return r.choice([edge, edge + 1, max(0, edge - 1), edge // 2, edge // 5, edge // 5, 1])

    def worst(self, name: str) -> int:
        """W of one symbol, in cents."""
        mark = self.marks[name]
        return sum(
            row.held * mark + row.working * max(mark, row.limit) for row in self.rows if row.symbol == name
        )

    def take(self, entry: EntryOrder, limit: int, stop: int) -> None:
        """Book an approved entry, and check that nothing is exceeded with it."""
        quantity = int(entry.quantity)
        assert quantity == entry.quantity > 0, "a part of a share, or none, was let pass"
        assert entry.limit is not None
        assert entry.limit <= entry.limit_cap, "above its cap"
        assert entry.intent_id not in self.intents, "one intent became two entries"
        mine = [row for row in self.rows if (row.strategy, row.symbol) == (entry.strategy_id, entry.symbol)]
        assert not mine, "a strategy entered a symbol that it holds or works"
        self.intents.add(entry.intent_id)
        self.rows.append(Row(entry.strategy_id, entry.symbol, 0, quantity, limit, entry.intent_id))
        self.check(quantity * (limit - stop))
        placed = order(
            entry.symbol,
            quantity,
            ord_id=f"ord_{self.number}",
            client_order_id=f"aw1-{self.number}",
            strategy_id=entry.strategy_id,
            sleeve_id=entry.sleeve_id,
            intent_id=entry.intent_id,
            position_id=f"pos_{entry.strategy_id}_{entry.symbol}",
            limit=entry.limit,
            state=self.random.choice((*LIVE, *UNKNOWN)),
        )
        self.set_state(orders=(*self.state.orders, placed), entry_intents_today=tuple(sorted(self.intents)))

    def check(self, risk: int) -> None:
        """Every cap, in cents; a price limit counts where it lies above the mark."""
        caps, equity = self.caps, self.equity
        assert 0 < risk <= caps["risk_abs"], "risk in dollars"
        assert risk * 10_000 <= caps["risk_bps"] * equity, "risk in percent"
        worst = {name: self.worst(name) for name in SYMBOLS}
        # The last one counts at its limit here: that is what it can cost (execution.md 2, gate 7).
        last = self.rows[-1]
        gross = sum(worst.values()) - last.working * max(0, self.marks[last.symbol] - last.limit)
        assert gross <= caps["gross_abs"], "gross in dollars"
        assert gross * 10_000 <= caps["gross_bps"] * equity, "gross in percent"
        assert worst[last.symbol] * 10_000 <= caps["symbol_bps"] * equity, "worst case of the symbol"
        assert len({(row.strategy, row.symbol) for row in self.rows}) <= caps["positions"], "positions"
        assert len(self.intents) <= caps["entries"], "entries of the day"
        assert sum(row.working * row.limit for row in self.rows) <= self.cash, "cash"
        core = [row for row in self.rows if row.strategy == CORE]
        if last.strategy == CORE:
            assert len(core) <= caps["sleeve_positions"], "positions of the sleeve"
            used = sum(
                r.held * self.marks[r.symbol] + r.working * max(self.marks[r.symbol], r.limit) for r in core
            )
            used -= last.working * max(0, self.marks[last.symbol] - last.limit)
            assert used <= caps["sleeve_gross"], "gross of the sleeve"
        if not self.config.sharing.allow_symbol_overlap:
            owners = {row.strategy for row in self.rows if row.symbol == last.symbol}
            assert len(owners) == 1, "two strategies in one symbol"

    def broken(self) -> None:
        """Something is wrong, once or several times over: the entry is refused, whatever else holds."""
        codes = self.random.sample(BREAKS, self.random.choice([1, 1, 2, 3]))
        made = self.world(BASE.entry)
        made = replace(
            made,
            facts=replace(
                made.facts, book_id=BASE.facts.book_id, marks={**made.facts.marks, "AAA": Decimal(50)}
            ),
            config=BASE.config.model_copy(update={"portfolio": self.config.portfolio}),
        )
        for code in codes:
            made = CASES[code](made)
        result = made.judged(Phase.S)
        assert isinstance(result, Refused), f"let pass although {codes}"
        reported(result)
        if len(codes) == 1:
            alone = CASES[codes[0]](BASE).judged(Phase.S)
            assert isinstance(alone, Refused)
            assert GATE_ORDER.index(result.gate) <= GATE_ORDER.index(alone.gate), "a later gate spoke first"
        self.steps["broken"] += 1

    def settle(self) -> None:
        """A working order is filled, in part or whole, or ends; cash moves, nothing is judged."""
        if not self.state.orders:
            return
        ended = self.random.choice(self.state.orders)
        row = next(r for r in self.rows if (r.strategy, r.symbol) == (ended.strategy_id, ended.symbol))
        if ended.leg is Leg.ENTRY:
            filled = self.random.choice([row.working, row.working, 0, self.random.randint(0, row.working)])
            row.held, row.working = row.held + filled, 0
            self.cash -= filled * row.limit
        else:
            row.sold -= int(ended.quantity)
            row.held -= int(ended.quantity)
            self.cash += int(ended.quantity) * self.marks[row.symbol]
        if not row.held:
            self.rows.remove(row)
        self.set_state(
            orders=tuple(o for o in self.state.orders if o is not ended),
            positions=tuple(position(r.symbol, r.held, strategy_id=r.strategy) for r in self.rows if r.held),
        )
        self.steps["settled"] += 1

    def next_session(self) -> None:
        """Another day: what was entered before is no entry of it."""
        self.intents.clear()
        self.set_state(entry_intents_today=())
        self.steps["sessions"] += 1

    def reduce(self) -> None:
        """Some of what is held is sold, whatever the gates would say: no gate is asked, and none can be."""
        held = [row for row in self.rows if row.held > row.sold]
        if not held:
            return
        row = self.random.choice(held)
        wanted = self.random.choice([1, row.held, 2 * row.held])
        sale = order(
            row.symbol,
            wanted,
            ord_id=f"sell_{self.number}_{len(self.state.orders)}_{self.steps.total()}",
            leg=self.random.choice([Leg.EXIT, Leg.STOP, Leg.TRIM]),
            strategy_id=row.strategy,
        )
        made = reduction(sale, self.state.positions, self.state.orders)
        same = [each for each in self.rows if each.symbol == row.symbol]
        bound = sum(each.held - each.sold for each in same)
        assert made is not None, "an exit was refused"
        assert made.order.quantity == min(wanted, bound), "an exit was cut below what is held"
        left = reducible(row.symbol, self.state.positions, (*self.state.orders, made.order))
        assert left == bound - made.order.quantity >= 0, "more sells work than shares are held"
        if row.held - row.sold >= made.order.quantity:
            row.sold += int(made.order.quantity)
            self.set_state(orders=(*self.state.orders, made.order))
        self.steps["reduced"] += 1

    def cancel(self) -> None:
        """An own sell ends without a fill: its shares may be sold again at once."""
        sells = [o for o in self.state.orders if o.leg is not Leg.ENTRY]
        if not sells:
            return
        ended = self.random.choice(sells)
        self.set_state(orders=tuple(o for o in self.state.orders if o is not ended))
        row = next(r for r in self.rows if (r.strategy, r.symbol) == (ended.strategy_id, ended.symbol))
        row.sold -= int(ended.quantity)
        self.steps["cancelled"] += 1

    def restart(self) -> None:
        """The process dies; the next one reads what was kept."""
        self.state = BookState.model_validate_json(self.state.model_dump_json())
        self.steps["restarted"] += 1

    def set_state(self, **over: object) -> None:
        self.state = self.state.model_copy(update=over)


def reported(result: Refused) -> None:
    """Every gate of the phase answered, in order, and the verdict is the first that said no."""
    assert GATE_ORDER == [row.gate for row in result.gates], "a gate was not asked"
    failing = [row for row in result.gates if not row.passed]
    assert failing, "refused, and no gate said no"
    assert (failing[0].gate, failing[0].findings[0].code) == (result.gate, result.code), "not the first"


def block(seed: int, steps: int) -> Counter[str]:
    """Run *steps* steps drawn from *seed*. Errors: ``AssertionError`` at the first breach."""
    model = Model(Random(seed))
    model.set_up()
    weights = {
        model.wish: 45,
        model.broken: 20,
        model.settle: 20,
        model.reduce: 10,
        model.cancel: 3,
        model.restart: 1,
        model.next_session: 2,
    }
    chosen = model.random.choices(list(weights), weights=list(weights.values()), k=steps)
    for way in chosen:
        way()
    model.steps["steps"] = steps
    return model.steps
