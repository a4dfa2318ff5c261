"""The experiment of Integral Human Pose Regression (Sun et al., ECCV 2018, table 7), on drawn people.

    python -m data_tools.compare_strategies [--runs runs/strategies] [--threads 1]

Trains one small network in each of the paper's ways, on maps of 32 x 32 cells down to 4 x 4; everything else is
configs/compare_strategies.toml. What is done already is not done again. At the end configs/compare_strategies.md and
configs/compare_strategies.png tell the errors on drawings that no training saw.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import torch

from lift3d._files import writing
from lift3d.heatmaps.strategies import STRATEGIES
from lift3d.settings import read_toml, to_mapping
from lift3d.training.runs import run_training

CONFIG = Path("configs/compare_strategies.toml")
DOUBLED = {32: 3, 16: 2, 8: 1, 4: 0}  # transposed convolutions to maps of so many rows and columns
DIRECT = "R1"
COLOURS = {"R1": "#666666", "H1": "#d55e00", "H2": "#e69f00", "I*": "#0072b2", "I1": "#56b4e9", "I2": "#009e73"}


@dataclass(frozen=True)
class Result:
    """One run: mean error in pixels of the input, and the share of joints within a twentieth of its width."""

    strategy: str
    cells: int
    error_px: float
    close: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs/strategies"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, help="of each run, for a trial")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    base = read_toml(CONFIG)
    if arguments.steps:
        base["loop"] |= {"steps": arguments.steps, "save_every": arguments.steps}
    results = [_run(base, name, cells, arguments.runs) for name in STRATEGIES for cells in DOUBLED
               if name != DIRECT or cells == max(DOUBLED)]  # fmt: skip
    with writing(CONFIG.with_suffix(".md")) as path:
        path.write_text(_page(base, results), encoding="utf-8")
    _plot(base, results, CONFIG.with_suffix(".png"))


def _run(base: Mapping[str, Any], name: str, cells: int, runs: Path) -> Result:
    """Train one, unless it is trained, and read its last measurement."""
    strategy = STRATEGIES[name]
    direct = name == DIRECT
    taught = {"heatmap_loss", "coordinate_loss", "decoding", "normalisation", "heatmap_weight"}
    own = {key: value for key, value in to_mapping(strategy).items() if key in taught}
    tables = {
        **base,
        "network": {**base["network"], "head": "direct" if direct else "heatmaps",
                    "upsampling": {**base["network"]["upsampling"], "count": DOUBLED[cells]}},
        "reading": {**base["reading"], "decoding": strategy.decoding},
        "strategy": {**base["strategy"], **own},
    }  # fmt: skip
    folder = runs / f"{name.replace('*', 'star')}_{cells}"
    run_training(tables, folder, where=f"{CONFIG.name} as {name}")
    with (folder / "curve.csv").open(encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    return Result(name, cells, float(last["error_px"]), float(last["within_5_percent"]))


def _page(base: Mapping[str, Any], results: list[Result]) -> str:
    """A table of errors, strategies by map sizes."""
    loop, size = base["loop"], base["reading"]["image_size"]
    head = " | ".join(f"{cells} x {cells}" for cells in DOUBLED)
    rows = []
    for name in STRATEGIES:
        own = {result.cells: result for result in results if result.strategy == name}
        found = [own.get(cells) for cells in DOUBLED]
        shown = [f"{one.error_px:.2f} ({one.close:.0%})" if one else "" for one in found]
        rows.append(f"| {name} | {' | '.join(shown)} |")
    return f"""# Ways to teach and read a network of joints

Mean distance from the true joints in pixels, of drawings of {size[0]} x {size[1]} pixels, and in brackets the share of
joints within a twentieth of the width. Columns are the size of the maps; R1 has none. Each network saw {loop["steps"]}
batches of {loop["batch"]} drawings; the {base["data"]["measured"]} measured ones are others.
`python -m data_tools.compare_strategies` makes this page and the picture.

| | {head} |
|{" --- |" * (1 + len(DOUBLED))}
{chr(10).join(rows)}

![errors by size of the maps](compare_strategies.png)
"""


def _plot(base: Mapping[str, Any], results: list[Result], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for name in STRATEGIES:
        own = sorted((one for one in results if one.strategy == name), key=lambda one: one.cells)
        if name == DIRECT:
            axes.axhline(own[0].error_px, color=COLOURS[name], linestyle=":", label=name)
        else:
            style = "--" if name.startswith("H") else "-"
            cells, errors = [one.cells for one in own], [one.error_px for one in own]
            axes.plot(cells, errors, style, marker="o", color=COLOURS[name], label=name)
    axes.set_xscale("log", base=2)
    axes.set_xticks(sorted(DOUBLED), [f"{cells} x {cells}" for cells in sorted(DOUBLED)])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("cells of a map")
    axes.set_ylabel(f"mean error, pixels of {base['reading']['image_size'][0]}")
    axes.legend(ncols=2)
    axes.grid(alpha=0.3)
    with writing(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")


if __name__ == "__main__":
    main()
