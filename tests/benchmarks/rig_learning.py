"""What a detector gains by learning from unlabelled footage of a rig; prints one JSON object.

    python tests/benchmarks/rig_learning.py VIDEO... --cameras CALIBRATION [--seeds 3] [--hold CAMERA ...]
                                            [--config configs/train_rig.toml] [--loop.steps 40 ...]

For each seed once with all cameras learned from, and once more for each camera of ``--hold`` without it; the frames at
the end are always held back. See ``lift3d.training.rig_figures`` for what is measured. Other words override the
config's settings. ``summary`` has the mean over the seeds, and the lowest and highest. The first look at the videos and
the mended calibration are the same for all.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from lift3d.checkpoints import load_network
from lift3d.settings import read_toml, with_overrides
from lift3d.training.rig_settings import RigTraining
from lift3d.training.self_training import Footage, teach_detector

CONFIG = Path(__file__).parents[2] / "configs" / "train_rig.toml"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+")
    parser.add_argument("--cameras", required=True, help="the calibration")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--hold", action="append", default=[], help="a camera to learn without; again for more")
    parser.add_argument("--only-held", action="store_true", help="leave out the runs with all cameras")
    parser.add_argument("--config", default=CONFIG)
    parser.add_argument("--threads", type=int, default=1)
    arguments, words = parser.parse_known_args()
    torch.set_num_threads(arguments.threads)
    tables = with_overrides(read_toml(arguments.config), words)
    tables["data"] = {**tables["data"], "videos": arguments.videos, "cameras": arguments.cameras}
    settings = RigTraining.of(tables)
    with tempfile.TemporaryDirectory() as folder:
        footage = Footage.of(settings.data, load_network(settings.start), Path(folder))
        sets = [] if arguments.only_held else [()]
        runs: dict[str, Any] = {}
        for held in [*sets, *((name,) for name in arguments.hold)]:
            label = f"without {held[0]}" if held else "all cameras"
            runs[label] = []
            for seed in range(arguments.seeds):
                runs[label].append(figures(settings, footage, held, seed, Path(folder) / f"{label} {seed}"))
                print(label, seed, json.dumps(runs[label][-1]), file=sys.stderr)
    summary = {label: summarised([seed["figures"] for seed in of_label]) for label, of_label in runs.items()}
    print(json.dumps({"settings": settings.tables(), "runs": runs, "summary": summary}))


def figures(settings: RigTraining, footage: Footage, held: tuple[str, ...], seed: int, folder: Path) -> dict[str, Any]:
    """One run: what was gained, and the seconds of processor time and by the clock."""
    data, loop = replace(settings.data, held_cameras=held), replace(settings.loop, seed=seed)
    clock, busy = time.perf_counter(), time.process_time()
    taught = teach_detector(replace(settings, data=data, loop=loop), folder, replace(footage, data=data))
    seconds = {"seconds": round(time.perf_counter() - clock, 1), "processor": round(time.process_time() - busy, 1)}
    return {"seed": seed, **seconds, "figures": taught.figures}


def summarised(seeds: list[Any]) -> Any:
    """Mean, lowest and highest of every number, kept in the tables that it is in."""
    if isinstance(seeds[0], dict):
        return {name: summarised([own[name] for own in seeds]) for name in seeds[0]}
    if any(own is None for own in seeds):
        return None
    return [round(own, 3) for own in (sum(seeds) / len(seeds), min(seeds), max(seeds))]


if __name__ == "__main__":
    main()
