"""Rigs of every lens, packed for the loops."""

from dataclasses import replace

import torch

from lift3d import CameraRig, Lens
from lift3d.synthetic import ring_rig

LENSES = {
    "pinhole": (Lens.BROWN_CONRADY, []),
    "brown": (Lens.BROWN_CONRADY, [-0.21, 0.09, 0.002, -0.0015, -0.013]),
    "rational": (Lens.BROWN_CONRADY, [0.2, 0.02, 0.001, -0.002, 0.001, 0.45, 0.05, 0.003]),
    "fisheye": (Lens.FISHEYE, [-0.03, 0.01, -0.004, 0.001]),
    "human36m": (Lens.HUMAN36M, [-0.207, 0.248, -0.0014, -0.00098, -0.0031]),
}


def rig_of(lens: str, cameras: int = 4) -> CameraRig:
    """A ring of cameras with one lens, slightly skewed; ``"mixed"`` gives every camera another lens."""
    rig = ring_rig(cameras, lens="pinhole")
    names = list(LENSES) if lens == "mixed" else [lens]
    chosen = [LENSES[names[index % len(names)]] for index in range(cameras)]
    distortion = torch.tensor([numbers + [0.0] * (8 - len(numbers)) for _, numbers in chosen], dtype=torch.float64)
    intrinsics = rig.cameras.intrinsics.clone()
    intrinsics[:, 0, 1] = 2.5
    codes = torch.tensor([int(code) for code, _ in chosen])
    return replace(rig, cameras=replace(rig.cameras, intrinsics=intrinsics, distortion=distortion, lens=codes))
