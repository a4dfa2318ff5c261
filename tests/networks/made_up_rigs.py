"""People of six joints in the middle of rigs of four cameras, for networks of detections."""

import torch

from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.training.rig_samples import RigSamples

JOINTS, VIEWS, BATCH = 6, 4, 3


def made_up(noise=0.002, seed=0):
    """People of about a metre in the middle of rigs of four cameras some 4 m away."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    points = 0.4 * draw(BATCH, JOINTS, 3)
    rotation = rotvec_to_matrix(draw(BATCH, VIEWS, 3))
    translation = torch.tensor([0.0, 0.0, 4.0], dtype=torch.float64) + 0.3 * draw(BATCH, VIEWS, 3)
    local = points[:, None] @ rotation.mT + translation[:, :, None]
    rays = local[..., :2] / local[..., 2:] + noise * draw(BATCH, VIEWS, JOINTS, 2)
    scores = 0.2 + 0.8 * torch.rand(BATCH, VIEWS, JOINTS, generator=generator, dtype=torch.float64)
    return RigSamples(rays, scores, rotation, translation, points)


def chosen(samples, views):
    """Some of the views, in some order."""
    rays, scores, rotation, translation, positions = samples
    return RigSamples(rays[:, views], scores[:, views], rotation[:, views], translation[:, views], positions)


def numbers(count=BATCH):
    return torch.arange(JOINTS).expand(count, -1)
