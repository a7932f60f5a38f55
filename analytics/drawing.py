"""One hand draws every picture: the same ink and frame, no screen, and the same bytes for the same figure.

matplotlib is imported where something is drawn, and nowhere else.
"""

from io import BytesIO
from typing import Any, Final

INK: Final = "#222222"
FAINT: Final = "#777777"
STYLE: Final[Any] = {
    "svg.hashsalt": "avwap",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": FAINT,
    "xtick.color": INK,
    "ytick.color": INK,
}
DOTS: Final = 100
"""Pixels per inch of a PNG: a figure twelve inches wide is 1,200 across."""


def blank(**layout: Any) -> Any:
    """An empty matplotlib figure that needs no screen; *layout*: of ``matplotlib.figure.Figure``."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(**layout)
    FigureCanvasAgg(figure)
    return figure


def saved(figure: Any, kind: str) -> bytes:
    """*figure* as bytes of *kind*, svg or png, without a date in them."""
    assert kind in ("svg", "png"), f"{kind} is no kind of drawing"
    out = BytesIO()
    metadata = {"Date": None, "Creator": "avwap"} if kind == "svg" else {"Software": "avwap"}
    figure.savefig(out, format=kind, dpi=DOTS, metadata=metadata)
    return out.getvalue()
