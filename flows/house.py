"""The house is what a run may reach: settings, the ledger's disk, the calendar and the market store.

Heavy parts open when they are first asked for, so that a command that reads two small files stays light.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from flows.settings import Settings
from ledger.artifacts import Held
from ledger.disk import Disk, LocalDisk
from schemas.errors import UsageFault
from schemas.reasons.edge import EdgeCode

if TYPE_CHECKING:
    from flows.clocks import Time
    from market.calendar import Calendar
    from market.contract import ContractResult
    from market.panel import Panel
    from market.sidecar import Sidecar
    from market.store import BarStore
    from schemas.base import SessionDate
    from schemas.observations import Acknowledgement, BarFacts, SessionHours


class House:
    """One data root and its configuration. *disk* may be another view of the same root (replay, crash tests).

    *time*: by which a book at a broker lives; None: the wall's. A SIM book has its own.
    """

    def __init__(self, settings: Settings, disk: Disk | None = None, time: "Time | None" = None) -> None:
        self.settings = settings
        self.root = settings.root()
        self.disk: Disk = disk or LocalDisk(self.root)
        self.config_sha256 = settings.config_sha256()
        self._panel: Panel | None = None
        self._contract: tuple[object, ContractResult] | None = None
        self._history: dict[tuple[str, int], tuple[BarFacts, ...]] = {}
        self.held = Held()
        self.time = time

    def with_disk(self, disk: Disk) -> "House":
        """The same house, its market opened once, over another disk."""
        other = House(self.settings, disk, self.time)
        for name in ("calendar", "store", "sidecar"):
            if name in self.__dict__:
                other.__dict__[name] = self.__dict__[name]
        other.held = self.held  # known by the digest of their bytes, whichever disk those lie on
        return other

    @cached_property
    def calendar(self) -> "Calendar":
        """XNYS, from the table cached in the store, or from the library."""
        from market.calendar import Calendar

        # A mistyped --home must not become a folder: the table is cached only where a ledger is.
        return Calendar.cached(self.root) if self.root.is_dir() else Calendar()

    @cached_property
    def store(self) -> "BarStore":
        """The bar store of this root."""
        from market.store import BarStore

        return BarStore(self.root)

    @cached_property
    def sidecar(self) -> "Sidecar":
        """The store as arrays. Errors: ``UsageFault`` STORE_EMPTY if nothing was ever imported."""
        from market.sidecar import open_sidecar

        if not self.store.manifest().vintages:
            raise UsageFault(
                EdgeCode.STORE_EMPTY,
                f"no bars were ever imported into {self.root / 'MARKET'}",
                safe="nothing was started",
                next="avwap data import FILE, or avwap demo for a market that is made up",
            )
        return open_sidecar(self.store, self.calendar)

    def panel(self, session: "SessionDate") -> "Panel":
        """Bars as known on the morning of *session*. The newest is kept: three stages of a day read it."""
        from market.panel import load_panel

        if self._panel is None or self._panel.session_date != session:
            self._history = {}
            self._panel = load_panel(
                self.store, self.calendar, session, benchmark=self.settings.benchmark, sidecar=self.sidecar
            )
        return self._panel

    def history(self, session: "SessionDate", symbol: str, most: int) -> "tuple[BarFacts, ...]":
        """The last *most* bars of *symbol* on that panel. Kept: every cycle of a day reads the same ones."""
        from market.history import daily_bars

        panel = self.panel(session)
        if (symbol, most) not in self._history:
            self._history[symbol, most] = daily_bars(panel, symbol, most)
        return self._history[symbol, most]

    def contract(
        self,
        session: "SessionDate",
        *,
        simulated: bool = True,
        broker: "tuple[SessionHours, ...] | None" = None,
        acknowledged: "tuple[Acknowledgement, ...]" = (),
    ) -> "ContractResult":
        """The data contract judged on that panel, kept like it. The rest is what the book's morning recorded."""
        from market import contract

        panel = self.panel(session)
        asked = (panel.data_version, session, simulated, broker, acknowledged)
        if self._contract is None or self._contract[0] != asked:
            inputs = contract.ContractInputs(
                panel=panel,
                calendar=self.calendar,
                simulated=simulated,
                broker=broker,
                acknowledged=acknowledged,
            )
            self._contract = (asked, contract.run(inputs, self.settings.contract))
        return self._contract[1]
