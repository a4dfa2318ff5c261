"""The table holds every figure of every measurement; the picture has a panel for each."""

import csv
from pathlib import Path

from PIL import Image

from lift3d.training.curves import save_curves

ROWS = [{"step": 100, "loss": 0.5, "error_mm": 80.25}, {"step": 200, "loss": 0.25, "error_mm": 60.5}]


def test_the_table_gives_the_figures_back(tmp_path: Path) -> None:
    save_curves(ROWS, tmp_path)
    with (tmp_path / "curve.csv").open(newline="", encoding="utf-8") as file:
        assert [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)] == ROWS


def test_the_picture_has_a_panel_for_each_figure(tmp_path: Path) -> None:
    save_curves(ROWS, tmp_path)
    save_curves([{"step": 1, "loss": 0.5}], tmp_path / "one")
    sizes = []
    for folder in (tmp_path, tmp_path / "one"):
        assert (folder / "curve.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
        with Image.open(folder / "curve.png") as picture:
            picture.load()
            sizes.append(picture.size)
    assert sizes[0][0] == 2 * sizes[1][0]  # two figures side by side, and one
    assert sizes[0][1] == sizes[1][1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curve.csv", "curve.png", "one"]
