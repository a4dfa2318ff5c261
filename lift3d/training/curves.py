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
    figure = Figure(figsize=(8, 2.5 * len(names)), layout="constrained")
    for axes, name in zip(figure.subplots(len(names), squeeze=False)[:, 0], names, strict=True):
        axes.plot([row["step"] for row in rows], [row[name] for row in rows], marker=".")
        axes.set(ylabel=name, xlabel="step")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=90)
