"""Film clips of motion with random rigs of any number of cameras: a file of views for triangulate_views.py.

    python tests/benchmarks/film_views.py MOTION OUT.npz --split test --cameras 8 [--crowded]

Every clip has a rig of its own. Detections err as ``lift3d.training.detector_noise`` says: kind ``detected`` without
missing joints, kind ``occluded`` with some. ``--crowded``: somebody stands or walks beside, doing the clip backwards,
and confuses the detector as ``lift3d.training.crowding`` says, each frame by itself.
"""

from __future__ import annotations

import single_thread  # noqa: F401

# isort: split
import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor

from lift3d._files import writing
from lift3d.datasets.motion_clips import read_motion_clips
from lift3d.skeletons import Skeleton
from lift3d.training.crowding import CrowdSettings, led_astray, somebody_beside
from lift3d.training.detector_noise import NoiseSettings, detect_like
from lift3d.training.virtual_rigs import RigSettings, film_with_rigs, rays_in_view

FOCAL, MIDDLE = 1100.0, 500.0
KINDS = {
    "exact": NoiseSettings(exact=1, occluded=0, head_missing=0),
    "detected": NoiseSettings(exact=0, occluded=0, head_missing=0),
    "occluded": NoiseSettings(exact=0, occluded=1, head_missing=0),
}

CROWD = CrowdSettings(jump=0.04, limb_jump=0.04, person_jump=0.02, double=0.03)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("motion")
    parser.add_argument("output", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--cameras", type=int, default=8)
    parser.add_argument("--crowded", action="store_true", help="Somebody else is in view.")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    clips = read_motion_clips(arguments.motion, (arguments.split,))
    generator = Generator().manual_seed(arguments.seed)
    filmed = [
        _clip(
            clips.positions[start : start + length].float(),
            clips.skeleton,
            arguments.cameras,
            arguments.crowded,
            generator,
        )
        for start, length in zip(clips.starts, clips.lengths, strict=True)
    ]
    arrays = {name: np.concatenate([clip[name] for clip in filmed]) for name in filmed[0]}
    views = [len(clip["positions"]) // arguments.cameras for clip in filmed for _ in range(arguments.cameras)]
    arrays["sequence"] = np.repeat(np.arange(len(views), dtype=np.int32), views)
    arrays["intrinsics"] = np.tile(_intrinsics(), (len(views), 1, 1))
    with writing(arguments.output) as path, path.open("wb") as file:
        np.savez(file, **arrays)


def _clip(
    positions: Tensor, skeleton: Skeleton, cameras: int, crowded: bool, generator: Generator
) -> dict[str, np.ndarray]:
    """The views of one clip, one after the other."""
    both = torch.cat([positions, _beside(positions, skeleton, generator)], dim=1) if crowded else positions
    filmed = film_with_rigs(both[None], cameras, skeleton, RigSettings(), generator)
    joints = filmed.joints[0].transpose(0, 1)  # (cameras, frames, joints, 3)
    person, others = joints[:, :, : len(skeleton)], joints[:, :, len(skeleton) :]
    arrays = {"positions": person.flatten(0, 1), "rotation": filmed.rotation[0], "translation": filmed.translation[0]}
    exact = person[..., :2] / person[..., 2:]
    for kind, noise in KINDS.items():
        rays, scores = detect_like(exact, skeleton, noise, generator)
        if crowded and kind != "exact":
            theirs = detect_like(rays_in_view(others), skeleton, noise, generator)
            rays, scores = led_astray(rays, scores, *theirs, exact, skeleton, CROWD, generator)
        arrays[f"pixels_{kind}"] = (FOCAL * rays + MIDDLE).flatten(0, 1)
        if kind != "exact":
            arrays[f"scores_{kind}"] = scores.flatten(0, 1)
    return {name: value.numpy() for name, value in arrays.items()}


def _beside(positions: Tensor, skeleton: Skeleton, generator: Generator) -> Tensor:
    """Somebody beside the person who does the same from its end to its beginning."""
    return somebody_beside(torch.stack([positions, positions.flip(0)]), skeleton, CROWD, generator)[0]


def _intrinsics() -> np.ndarray:
    return np.array([[FOCAL, 0, MIDDLE], [0, FOCAL, MIDDLE], [0, 0, 1]])


if __name__ == "__main__":
    main()
