"""The figures of a run as a table and as a picture."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from lift3d._files import writing

__all__ = ["save_curves"]


def save_curves(rows: Sequence[Mapping[str, float]], folder: str | Path) -> None:
    """Write ``curve.csv`` and ``curve.png``: one row a measurement, with its ``step``, and one panel a figure.

    Raises:
        FileError: a file cannot be written.
    """
    with writing(Path(folder) / "curve.csv") as path, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with writing(Path(folder) / "curve.png") as path:
        _draw(rows, path)


def _draw(rows: Sequence[Mapping[str, float]], path: Path) -> None:
    from matplotlib.figure import Figure

    names = [name for name in rows[0] if name != "step"]
    columns = min(2, len(names))
    rows_of_panels = -(-len(names) // columns)
    figure = Figure(figsize=(5 * columns, 2.2 * rows_of_panels), layout="constrained")
    panels = figure.subplots(rows_of_panels, columns, squeeze=False).flat
    for axes, name in zip(panels, names, strict=False):
        axes.plot([row["step"] for row in rows], [row[name] for row in rows], marker=".")
        axes.set(title=name, xlabel="step")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    figure.savefig(path, dpi=90)
