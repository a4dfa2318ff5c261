"""Measure a lifter on a file of views; prints one JSON object.

    python tests/benchmarks/lift_views.py FILE [--model NAME]

Pelvis subtracted, mean over all samples and all 17 joints (the pelvis's zero included), millimetres; PA with scale.
"""

from __future__ import annotations

import argparse
import json

import torch
from view_files import KINDS, View, read_views

from lift3d.checkpoints import Checkpoint, load_network
from lift3d.evaluation import mpjpe, pa_mpjpe
from lift3d.lifting import DEFAULT_LIFTER, lift


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--model", default=DEFAULT_LIFTER, help="a shipped lifter or a checkpoint file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    views, lifter = read_views(arguments.file), load_network(arguments.model)
    print(json.dumps({kind: _figures(views, lifter, kind) for kind in KINDS}))


def _figures(views: list[View], lifter: Checkpoint, kind: str) -> dict[str, float]:
    lifted = torch.cat([lift(view.keypoints[kind], view.camera, lifter).positions[:, 0] for view in views])
    truth = torch.cat([view.positions for view in views])
    lifted, truth = (values - values[:, :1] for values in (lifted, truth))
    return {
        "mpjpe_mm": round(1000 * mpjpe(lifted, truth).mean().item(), 2),
        "pa_mpjpe_mm": round(1000 * pa_mpjpe(lifted, truth).mean().item(), 2),
    }


if __name__ == "__main__":
    main()
