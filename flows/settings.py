"""One source of configuration: ``avwap.toml``, then the environment, then flags; typed, frozen, hashed.

Nothing below ``flows/`` reads the environment: each function is handed the small frozen config that it needs.
Every fault of a configuration is reported at once, before anything starts.
"""

import os
import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from analytics.config import ReconciliationConfig, RegimeConfig, SnapshotConfig, TradesConfig
from execution_v2.broker.alpaca_config import AlpacaConfig
from execution_v2.config import ExecutionConfig
from execution_v2.lifecycle_causes import LifecycleConfig
from execution_v2.posture.config import PostureConfig
from execution_v2.protections import Protections
from flows.calibrating import with_slippage_file
from flows.slack.config import SlackConfig
from ledger.canonical import artifact_bytes, digest
from market.config import ContractConfig
from market.feeds.config import FeedConfig, MetricsConfig
from portfolio.limits import LIMITS, PortfolioConfig, portfolio_config
from schemas.base import Fact
from schemas.errors import UsageFault
from schemas.reasons.edge import EdgeCode
from schemas.strategy_registry import EntryModel
from simulation.config import ExchangeConfig, SimConfig
from strategies.config import CandidateConfig, EntryConfig, ExitConfig, ScanConfig, TrendConfig

if TYPE_CHECKING:
    from execution_v2.gates.facts import EnforcementConfig
    from execution_v2.ports import CycleConfig
    from flows.sharing import FileText
    from portfolio.sleeves import Sharing

FILE_NAME: Final = "avwap.toml"
BOOKS: Final = tuple(LIMITS)
SIM: Final = "SIM"
OPERABLE: Final = frozenset({"SIM", "ALPACA_PAPER", "ALPACA_LIVE"})
"""Books that have a broker adapter in this version; the others have limits, gates and a ledger, and refuse."""
INTRADAY_MODELS: Final = {
    EntryModel.BOH_10M: "it confirms on bars of ten minutes",
    EntryModel.LIMIT_AT_LEVEL: "it waits for a price inside the day",
}
REFUSED_MODELS: Final = {
    EntryModel.SAME_CLOSE: f"{EdgeCode.ENTRY_MODEL_NOT_CARRIED_OUT}: it is for research alone; set next_open",
}
FAULT_BREAK: Final = "\n"
_E3: Final = ("write", "summary_write", "rolling_write", "slack_summary")
E3_FLAGS: Final = tuple(f"e3_risk_attribution_{name}" for name in _E3)
FLAGS: Final = frozenset(
    (
        "portfolio_decision_enforce",
        "live_trading",
        "live_confirm_token",
        "kill_switch",
        "allowlist_symbols",
        "phase_c",
        "live_enable_date_ny",
        "e2_regime_risk_modulation",
        *E3_FLAGS,
        "s2_sleeves_json",
        "s2_sleeves_file",
        "s2_allow_unsleeved",
        "s2_allow_symbol_overlap",
        "s2_daily_pnl_json",
        "shadow_strategy_ids",
        "universe_allow_network",
        "dry_run",
    )
)
"""Settings whose environment variable is the roadmap's name, in capitals and without AVWAP_."""
TOKEN_IN_FILE: Final = "SLACK_BOT_TOKEN, which is read from the environment alone"
NO_WORDS: Final = frozenset({"", "0", "false", "no", "off"})


class ConfigInvalid(UsageFault):
    """The configuration cannot be meant. Attribute: faults, one line each."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__(
            EdgeCode.CONFIG_INVALID,
            "\n         ".join(faults),
            safe="nothing was started",
            next="correct these lines; avwap config show prints every setting with its default",
        )
        self.faults = faults


def _switch(value: object) -> bool:
    """Anything but a clear no is yes: a misspelt kill switch must not leave entries running."""
    return value.strip().lower() not in NO_WORDS if isinstance(value, str) else bool(value)


def _symbols(value: object) -> object:
    return tuple(s.strip() for s in value.split(",") if s.strip()) if isinstance(value, str) else value


def _written(value: object) -> object:
    """A date in the file is one for TOML; in the environment it is text."""
    return value.isoformat() if isinstance(value, date) else value


def _text(name: str) -> Any:
    return Field(default=None, validation_alias=AliasChoices(name, name.lower()))


def _flag(name: str) -> Any:
    return Field(default=False, validation_alias=AliasChoices(name, name.lower()))


def _merged(base: Any, over: Any) -> Any:
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        return {key: _merged(base.get(key), over.get(key, base.get(key))) for key in {**base, **over}}
    return over


def _by_book(given: Any, shipped: Callable[[str], Fact]) -> Any:
    """What is shipped for every book, under what *given* states of some. Errors: ValueError for a book that is none."""
    if not isinstance(given, Mapping):
        return given
    unknown = sorted(set(given) - set(BOOKS))
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: no such book; the books are {', '.join(BOOKS)}")
    return _merged({book: shipped(book).model_dump() for book in BOOKS}, given)


class _Toml(PydanticBaseSettingsSource):
    """The file, with its numbers as written: 0.04 is a Decimal and never passes through binary."""

    file: ClassVar[Path | None] = None

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        raise AssertionError(f"the whole table is taken at once, not {field_name} of {field}")

    def __call__(self) -> dict[str, Any]:
        path = _Toml.file
        if path is None or not os.path.lexists(path):
            return {}
        with path.open("rb") as handle:
            found = tomllib.load(handle, parse_float=Decimal)
        # A token in a file is a token in every backup of it; what the file says of it goes no further than this line.
        for name in [each for each in found if each.lower() == "slack_bot_token"]:
            del found[name]
            found[TOKEN_IN_FILE] = None
        # One spelling for both sources: kill_switch in the file and KILL_SWITCH in the environment are one setting.
        return {name.upper() if name in FLAGS else name: value for name, value in found.items()}


class Given(BaseSettings):
    """What is taken as it is written, for exits never read it: whether it can be meant, the gates ask each morning."""

    model_config = SettingsConfigDict(env_prefix="AVWAP_", extra="ignore", frozen=True, populate_by_name=True)

    home: Path = Path()
    """AVWAP_HOME: the folder that holds ``ledger/`` and ``avwap.toml``; the working directory by default."""
    allowlist_symbols: Annotated[tuple[str, ...] | None, BeforeValidator(_symbols)] = Field(
        default=None, validation_alias=AliasChoices("ALLOWLIST_SYMBOLS", "allowlist_symbols")
    )
    s2_sleeves_json: str | None = _text("S2_SLEEVES_JSON")
    s2_sleeves_file: str | None = _text("S2_SLEEVES_FILE")
    s2_daily_pnl_json: str | None = _text("S2_DAILY_PNL_JSON")
    shadow_strategy_ids: str | None = _text("SHADOW_STRATEGY_IDS")
    phase_c: Annotated[bool, BeforeValidator(_switch)] = _flag("PHASE_C")
    live_enable_date_ny: Annotated[str | None, BeforeValidator(_written)] = Field(
        default=None, validation_alias=AliasChoices("LIVE_ENABLE_DATE_NY", "live_enable_date_ny")
    )
    """The one date of Phase C, as written; gate 4 refuses what is no date, so that exits never wait for a setting."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags win over the environment, the environment over the file. No .env is read: it would be a fourth."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _Toml(settings_cls)


class Settings(Given):
    """The whole effective configuration. Every default is the design's."""

    model_config = SettingsConfigDict(
        env_prefix="AVWAP_", env_nested_delimiter="__", extra="forbid", frozen=True, populate_by_name=True
    )
    OUTSIDE_THE_DIGEST: ClassVar[frozenset[str]] = frozenset(
        {
            "home",
            "kill_switch",
            "live_confirm_token",
            "s2_daily_pnl_json",
            "e2_regime_risk_modulation",
            *E3_FLAGS,
            "feed",
            "alpaca",
            "apca_api_key_id",
            "apca_api_secret_key",
            "slack",
            "slack_bot_token",
            "dry_run",
        }
    )
    """Where the ledger lies, secrets, how feed and broker are reached, what is recorded as an observation, whether
    cycles are dry, and the switches whose record is in the decisions and in the attribution: all that stands before
    them keeps its bytes."""

    benchmark: str = "SPY"
    sim: SimConfig = SimConfig()
    contract: ContractConfig = ContractConfig()
    scan: ScanConfig = ScanConfig()
    candidates: CandidateConfig = CandidateConfig()
    trend: TrendConfig = TrendConfig()
    entry: EntryConfig = EntryConfig()
    exits: ExitConfig = ExitConfig()
    execution: ExecutionConfig = ExecutionConfig()
    posture: PostureConfig = PostureConfig()
    lifecycle: LifecycleConfig = LifecycleConfig()
    exchange: Annotated[ExchangeConfig, BeforeValidator(with_slippage_file)] = ExchangeConfig()
    feed: FeedConfig = FeedConfig()
    alpaca: AlpacaConfig = AlpacaConfig()
    slack: SlackConfig = SlackConfig()
    metrics: MetricsConfig = MetricsConfig()
    regime: RegimeConfig = RegimeConfig()
    trades: TradesConfig = TradesConfig()
    snapshot: SnapshotConfig = SnapshotConfig()
    reconciliation: ReconciliationConfig = ReconciliationConfig()
    books: dict[str, PortfolioConfig] = Field(
        default_factory=lambda: {book: portfolio_config(book) for book in BOOKS}
    )
    """Sizing and limits by book. What the file names replaces that key alone; the rest keeps the shipped value."""
    portfolio_decision_enforce: bool = _flag("PORTFOLIO_DECISION_ENFORCE")
    e2_regime_risk_modulation: bool = _flag("E2_REGIME_RISK_MODULATION")
    e3_risk_attribution_write: bool = _flag("E3_RISK_ATTRIBUTION_WRITE")
    e3_risk_attribution_summary_write: bool = _flag("E3_RISK_ATTRIBUTION_SUMMARY_WRITE")
    e3_risk_attribution_rolling_write: bool = _flag("E3_RISK_ATTRIBUTION_ROLLING_WRITE")
    e3_risk_attribution_slack_summary: bool = _flag("E3_RISK_ATTRIBUTION_SLACK_SUMMARY")
    universe_allow_network: bool = _flag("UNIVERSE_ALLOW_NETWORK")
    dry_run: Annotated[bool, BeforeValidator(_switch)] = _flag("DRY_RUN")
    """Every cycle is a plan: nothing is sent, nothing of the ledger's record changes."""
    apca_api_key_id: SecretStr | None = Field(default=None, validation_alias="APCA_API_KEY_ID")
    apca_api_secret_key: SecretStr | None = Field(default=None, validation_alias="APCA_API_SECRET_KEY")
    slack_bot_token: SecretStr | None = Field(default=None, validation_alias="SLACK_BOT_TOKEN")
    """From the environment alone: a file that names it is refused."""
    live_trading: bool = _flag("LIVE_TRADING")
    live_confirm_token: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("LIVE_CONFIRM_TOKEN", "live_confirm_token")
    )
    kill_switch: Annotated[bool, BeforeValidator(_switch)] = _flag("KILL_SWITCH")
    s2_allow_unsleeved: bool = _flag("S2_ALLOW_UNSLEEVED")
    s2_allow_symbol_overlap: bool = _flag("S2_ALLOW_SYMBOL_OVERLAP")
    protections: dict[str, Protections] = Field(
        default_factory=lambda: {book: Protections() for book in BOOKS}
    )
    """What a book's losses lock, by book. What the file names replaces that key alone."""

    @field_validator("books", mode="before")
    @classmethod
    def _known_books(cls, books: Any) -> Any:
        return _by_book(books, portfolio_config)

    @field_validator("protections", mode="before")
    @classmethod
    def _known_protections(cls, protections: Any) -> Any:
        return _by_book(protections, lambda _: Protections())

    @field_validator("candidates")
    @classmethod
    def _one_entry_model(cls, candidates: CandidateConfig, info: ValidationInfo) -> CandidateConfig:
        wish, scan, sim = candidates.entry_model, info.data.get("scan"), info.data.get("sim")
        faults = []
        if scan is not None and scan.entry_model is not wish:
            faults.append(
                f"entry_model = {wish}: scan.entry_model is {scan.entry_model}; stop and size rest on the "
                "price that the scan took, so set both alike"
            )
        for model in sorted({wish} | ({scan.entry_model} if scan is not None else set())):
            if model in REFUSED_MODELS:
                faults.append(f"entry_model = {model}: {REFUSED_MODELS[model]}")
            if model in INTRADAY_MODELS and (sim is None or sim.bars == "daily"):
                faults.append(
                    f"entry_model = {model}: {EdgeCode.ENTRY_MODEL_NEEDS_INTRADAY}: {INTRADAY_MODELS[model]}, and the "
                    'SIM book is watched on daily ones; set [sim] bars = "intraday", or next_open'
                )
        if faults:
            raise ValueError(FAULT_BREAK.join(faults))
        return candidates

    def config_sha256(self) -> str:
        """Digest of everything that can change a byte of an artifact."""
        body = self.model_dump(mode="json", by_alias=False, exclude=set(self.OUTSIDE_THE_DIGEST))
        # Where the file of sleeves lies decides nothing, what it says does.
        body["s2_sleeves_file"] = None if self.s2_sleeves_file is None else self.sleeves_file.text
        return digest(artifact_bytes(body))

    @cached_property
    def sleeves_file(self) -> "FileText":
        """What S2_SLEEVES_FILE holds, read once: what is hashed is what is used."""
        from flows.sharing import read_text

        return read_text(self.home, self.s2_sleeves_file)

    def sharing(self, book_id: str) -> "Sharing":
        """How the strategies of *book_id* share it; faults of what was given block entries, and nothing else."""
        from flows.sharing import sharing_of

        return sharing_of(
            self.books[book_id].sleeves,
            self.s2_sleeves_json,
            self.sleeves_file,
            allow_unsleeved=self.s2_allow_unsleeved,
            allow_symbol_overlap=self.s2_allow_symbol_overlap,
            shadows=self.shadow_strategy_ids,
        )

    def cycle(self, book_id: str) -> "CycleConfig":
        """What a cycle of *book_id* obeys."""
        from execution_v2.ports import CycleConfig

        return CycleConfig(
            execution=self.execution,
            entry=self.entry,
            exits=self.exits,
            gates=self.enforcement(book_id),
            posture=self.posture,
            lifecycle=self.lifecycle.for_book(book_id),
        )

    def enforcement(self, book_id: str) -> "EnforcementConfig":
        """What the gates of *book_id* read."""
        from execution_v2.gates.facts import EnforcementConfig

        return EnforcementConfig(
            portfolio=self.books[book_id],
            sharing=self.sharing(book_id),
            decision_enforce=self.portfolio_decision_enforce,
            allowlist=self.allowlist_symbols,
            phase_c=self.phase_c,
            live_enable_date=self.live_enable_date_ny,
            quote_age_s_max=self.entry.quote_age_s_max,
            protections=self.protections[book_id],
        )

    def is_intraday(self, book_id: str) -> bool:
        """Whether *book_id* is watched inside the day."""
        return book_id != SIM or self.sim.bars == "intraday"

    def shown(self) -> dict[str, Any]:
        """Every setting but where the ledger lies, as plain values; secrets redacted."""
        return self.model_dump(mode="json", by_alias=False, exclude={"home"})

    def root(self) -> Path:
        """The data root."""
        return self.home / "ledger"


def load(home: Path | None = None, **flags: Any) -> Settings:
    """Read the configuration of *home* (default AVWAP_HOME, else the working directory).

    Errors: ``ConfigInvalid`` with every fault, one line each.
    """
    at = home or Path(os.environ.get("AVWAP_HOME") or ".")
    _Toml.file = at / FILE_NAME
    try:
        return Settings(home=at, **flags)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigInvalid((f"{FILE_NAME}: not TOML: {error}",)) from error
    except OSError as error:
        raise ConfigInvalid((f"{FILE_NAME}: cannot be read: {error.strerror}",)) from error
    except ValidationError as error:
        faults = error.errors(include_url=False)
        raise ConfigInvalid(tuple(line for fault in faults for line in _lines(fault))) from error
    finally:
        _Toml.file = None  # a home that was read is no part of what is made without one


def given(home: Path | None = None, **flags: Any) -> Given | None:
    """What of the configuration of *home* is taken as written, whatever else is wrong; None: ``load`` says why."""
    at = home or Path(os.environ.get("AVWAP_HOME") or ".")
    _Toml.file = at / FILE_NAME
    try:
        return Given(home=at, **flags)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, ValidationError):
        return None
    finally:
        _Toml.file = None


def _lines(fault: Any) -> list[str]:
    """One line of a person's text for each thing that *fault*, an error of pydantic's, has found."""
    where = ".".join(str(part) for part in fault["loc"])
    given = fault.get("input")
    shown = f" = {given}" if isinstance(given, (str, int, float, Decimal)) else ""
    message = fault["msg"].removeprefix("Value error, ")
    hint = ""
    if fault["type"] == "less_than_equal" and where.rsplit(".", 1)[-1].endswith(("_pct_max", "_max", "_min")):
        hint = "; a fraction is wanted, 150% is 1.5"
    if fault["type"] == "extra_forbidden":
        message = "no such setting"
    return [f"{FILE_NAME} {where}{shown}: {line}{hint}" for line in message.split(FAULT_BREAK)]


def book_of(book_id: str) -> str:
    """*book_id*, if it is one and can be operated. An unset or misspelt book is an error, never a live one."""
    if book_id not in BOOKS:
        raise UsageFault(
            EdgeCode.BOOK_UNKNOWN,
            f"{book_id!r} is no book; the books are {', '.join(BOOKS)}",
            safe="nothing was started",
            next="name one of them with --book",
        )
    return book_id


def operable(book_id: str) -> str:
    """*book_id*, if this version has a broker adapter for it."""
    if book_of(book_id) not in OPERABLE:
        raise UsageFault(
            EdgeCode.BOOK_NOT_OPERABLE,
            f"{book_id} has no broker adapter in this version; {', '.join(sorted(OPERABLE))} has",
            safe="no broker was contacted",
            next="run the same command with --book SIM, for instance",
        )
    return book_id


def opens(book_id: str, session: object) -> str:
    """The command that begins a session of *book_id*: our own exchange plays it whole, a broker step by step."""
    return f"avwap {'day' if book_id == SIM else 'premarket'} --book {book_id} --date {session}"
