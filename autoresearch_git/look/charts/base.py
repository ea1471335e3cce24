"""What all charts share: colours that colour-blind people tell apart, marks, and the canvas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette; each kind has its own mark too, so no chart needs its colours.
INK, GREY, PALE = "#222222", "#767676", "#d9d9d9"
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE = "#56B4E9", "#CC79A7"
KINDS = {  # kind -> (colour, mark, size)
    "baseline": (INK, "s", 46),
    "kept": (GREEN, "o", 44),
    "near miss": (ORANGE, "D", 26),
    "retest": (SKY, "^", 24),
    "discarded": (GREY, ".", 26),
    "failed": (VERMILION, "x", 34),
}
WIDTH, HEIGHT, DPI = 9.0, 5.0, 150  # inches, and pixels in one
LINES = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION)


def canvas(width: float = WIDTH, height: float = HEIGHT) -> tuple[Figure, Axes]:
    """An empty figure (inches) in our look, without the machinery of windows.

    A smaller one is drawn at the usual size with fewer pixels, so that labels never collide.
    """
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams.update(
        {
            "font.size": 13,
            "font.family": "sans-serif",
            "font.sans-serif": ["DejaVu Sans"],
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": GREY,
            "axes.formatter.useoffset": False,
            "text.color": INK,
            "axes.labelcolor": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "legend.frameon": False,
            "legend.fontsize": 12,
            "svg.hashsalt": "git-ar",  # the same data gives the same file
            "svg.fonttype": "path",
        }
    )
    grow = max(1.0, WIDTH / width, HEIGHT / height)
    figure = Figure((width * grow, height * grow), dpi=DPI / grow, layout="constrained")
    return figure, figure.add_subplot()


def save(figure: Figure, path: Path) -> None:
    """Write a PNG or SVG, as the file's name says."""
    # savefig builds the right canvas by itself; no date, so that the same data gives the same file.
    svg = path.suffix.lower() == ".svg"
    metadata = {"Date": None} if svg else {"Software": "git ar plot"}
    figure.savefig(path, dpi="figure", metadata=metadata)


def empty(axes: Axes, text: str) -> None:
    """A chart without data says so."""
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color=GREY)
    axes.set_xticks([])
    axes.set_yticks([])


def quiet(axes: Axes, grid: str = "y") -> None:
    """Faint grid lines behind the data."""
    axes.grid(axis=grid, color=PALE, linewidth=0.7)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
