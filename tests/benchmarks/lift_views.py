"""Measure a lifter on a file of views; prints one JSON object.

    python tests/benchmarks/lift_views.py FILE [--model NAME]

Pelvis subtracted, mean over all samples and all 17 joints (the pelvis's zero included), millimetres; PA with scale.
Of lifters that say how sure they are also the shares of errors, without the pelvis's, within one standard deviation:
along the camera's axes, and of distances within the radius that holds 68.27 % of an isotropic normal error.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

import torch
from view_files import KINDS, View, read_views

from lift3d.evaluation import mpjpe, pa_mpjpe
from lift3d.lifting import DEFAULT_LIFTER
from lift3d.lifting.chosen_lifter import chosen_lifter
from lift3d.poses import Poses3D

RADIUS = 1.8783  # standard deviations: 68.27 % of an isotropic normal error in space lie nearer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument(
        "--model", default=DEFAULT_LIFTER, help="a shipped lifter, a checkpoint or a library of exemplars"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    views, lifter = read_views(arguments.file), chosen_lifter(arguments.model)[0]
    print(json.dumps({kind: _figures(views, lifter, kind) for kind in KINDS}))


def _figures(views: list[View], lifter: Callable[..., Poses3D], kind: str) -> dict[str, float]:
    poses = [lifter(view.keypoints[kind], view.camera) for view in views]
    lifted = torch.cat([own.positions[:, 0] for own in poses])
    truth = torch.cat([view.positions for view in views])
    lifted, truth = (values - values[:, :1] for values in (lifted, truth))
    figures = {
        "mpjpe_mm": round(1000 * mpjpe(lifted, truth).mean().item(), 2),
        "pa_mpjpe_mm": round(1000 * pa_mpjpe(lifted, truth).mean().item(), 2),
    }
    if poses[0].covariance is None:
        return figures
    variance = torch.cat([own.covariance[:, 0] for own in poses if own.covariance is not None])[:, 1:]
    variance, error = variance.diagonal(dim1=-2, dim2=-1), (lifted - truth)[:, 1:]
    inside = error.square().sum(-1) <= RADIUS**2 * variance.mean(-1)
    along = (error.square() <= variance).double().mean()
    return {
        **figures,
        "within_one_sigma": round(along.item(), 3),
        "within_radius": round(inside.double().mean().item(), 3),
    }


if __name__ == "__main__":
    main()
