"""Two walkers in front of two cameras of different sizes, as pairs in lift3d's own file."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator

from lift3d.datasets import PairClip, PosePairs, write_pose_pairs
from lift3d.skeletons import get_skeleton
from lift3d.synthetic import ring_rig, walk

SKELETON = get_skeleton("human36m17")
LENGTHS = {"S1": 40, "S9": 30}


def pairs(without: str = "", unknown: str = "") -> PosePairs:
    """One sequence of each subject; S9 is of the split "test".

    Args:
        without: a joint that is not detected in frame 3 of every clip.
        unknown: a joint whose truth is not known.
    """
    rig = ring_rig(2, image_size=(1000, 800))
    first, second = (rig[name] for name in rig.names)
    smaller = second.resized(0.5)
    clips, arrays = [], []
    for number, (subject, frames) in enumerate(LENGTHS.items()):
        world = walk(frames, seed=number).positions[:, 0].double()
        world = world + 0.02 * torch.randn(world.shape, generator=Generator().manual_seed(number))
        for name, camera in zip(("large", "small"), (first, smaller), strict=True):
            split = "train" if subject == "S1" else "test"
            clips.append(PairClip(subject, "Walking", name, frames, 50.0, camera, "Walking", split))
            own = camera.world_to_camera(world.reshape(-1, 3))
            pixels, own = camera.project_camera(own).reshape(frames, 17, 2), own.reshape(frames, 17, 3)
            if without:
                pixels[3, SKELETON.index(without)] = torch.nan
            if unknown:
                own[:, SKELETON.index(unknown)] = torch.nan
            arrays.append((pixels.numpy(), own.numpy()))
    return PosePairs(
        tuple(clips), SKELETON, SKELETON,
        lambda clip, start, stop: (arrays[clip][0][start:stop], None, arrays[clip][1][start:stop]),
    )  # fmt: skip


def pairs_file(folder: Path, **settings: str) -> Path:
    write_pose_pairs(pairs(**settings), folder / "pairs.h5", about="made up")
    return folder / "pairs.h5"
