"""A file is read whole and as its text stands: its columns get our names, and what cannot be read is one fault."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from schemas.errors import UsageFault
from schemas.reasons.market import MarketFault

ALIASES: Final[Mapping[str, str]] = {"session_date": "date", "ticker": "symbol"}


def file_bytes(path: Path) -> bytes:
    """The bytes of *path*. Errors: ``UsageFault(IMPORT_UNREADABLE)``."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from error


def read_table(
    path: Path,
    data: bytes,
    needed: Sequence[str],
    *,
    numbers: Sequence[str] = (),
    aliases: Mapping[str, str] = ALIASES,
) -> Any:
    """The file as an Arrow table with our column names; of a CSV every column is text but *numbers*.

    Errors: ``UsageFault`` IMPORT_UNREADABLE, or IMPORT_COLUMNS if one of *needed* is missing.
    """
    import pyarrow as pa
    import pyarrow.csv as pacsv
    import pyarrow.parquet as pq

    try:
        if path.suffix.lower() == ".parquet":
            table = pq.read_table(BytesIO(data))
        else:
            head = data.split(b"\n", 1)[0].decode().strip().lstrip("\ufeff")
            types = {name.strip('" '): pa.string() for name in head.split(",")}
            types |= {name: pa.float64() for name in types if name.lower() in numbers}
            table = pacsv.read_csv(
                BytesIO(data),
                convert_options=pacsv.ConvertOptions(column_types=types, strings_can_be_null=False),
            )
    except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeDecodeError) as error:
        raise unreadable(path, " ".join(str(error).split())[:300]) from error
    names = [name.strip().lower() for name in table.column_names]
    names = [aliases.get(name, name) if aliases.get(name) not in names else name for name in names]
    if len(set(names)) < len(names):
        raise unreadable(path, f"a column comes twice: {', '.join(names)}")
    if missing := [name for name in needed if name not in names]:
        raise _columns(path, missing, names, needed)
    return table.rename_columns(names)


def unreadable(path: Path, why: str) -> UsageFault:
    """The fault of a file that is no table."""
    return UsageFault(
        MarketFault.IMPORT_UNREADABLE,
        f"{path.name}: {why}",
        safe="the store is unchanged",
        next="give the path of a CSV file with a header line, or of a .parquet file",
    )


def _columns(path: Path, missing: list[str], found: list[str], needed: Sequence[str]) -> UsageFault:
    return UsageFault(
        MarketFault.IMPORT_COLUMNS,
        f"{path.name} has no column {', '.join(missing)}; it has {', '.join(found)}",
        safe="the store is unchanged",
        next=f"rename its columns to {', '.join(needed)} (session_date is understood for date)",
    )


def wrong_values(path: Path, column: str, why: str) -> UsageFault:
    """The fault of a column that holds another kind of value than its name says."""
    return UsageFault(
        MarketFault.IMPORT_VALUES,
        f"{path.name}: column {column} {why}",
        safe="the store is unchanged",
        next="correct the column in the file and import it again",
    )
