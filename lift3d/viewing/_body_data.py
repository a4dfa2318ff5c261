"""Bodies in motion as numbers for the page, which poses and draws them itself.

Vertices at rest, the four strongest joints of each and the shapes' faces are sent once, and for each frame only the
joints' rotation vectors and the root's place: 150 bytes a person. The page skins the mesh by linear blend skinning;
pose corrections (SMPL's) are left out. Numbers are quantised: vertices to 0.1 mm, weights to 1/255, rotation vectors to
1e-4 radians, places to 0.1 mm; little-endian, as base64.
"""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.bodies import BodyMotion
from lift3d.cameras import Camera
from lift3d.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix

__all__ = ["body_data", "lens_grid"]

_INFLUENCES = 4
_GRID = 24  # cells of a lens's grid along each side of the picture
_MARGIN = 0.25  # of the picture, around it


def body_data(motion: BodyMotion, frames: list[int | None], space: int) -> dict[str, Any]:
    """What the page needs of a motion.

    Args:
        motion: metres.
        frames: for each frame of the page the motion's, or None.
        space: index of the page's space that it is in.
    """
    joints, weights = _influences(motion.model.weights)
    return {
        "space": space,
        "parents": list(motion.model.parents),
        "faces": _packed(motion.model.faces.cpu().numpy(), "<u4" if len(motion.model.template) > 65535 else "<u2"),
        "wide": len(motion.model.template) > 65535,
        "joints": _packed(joints, "u1"),
        "weights": _packed(weights, "u1"),
        "people": [_person(motion, person, frames) for person in range(motion.people)],
    }


def lens_grid(camera: Camera, size: tuple[int, int]) -> dict[str, Any] | None:
    """How far a lens moves the pixels of a pinhole, on a grid over the picture and a quarter of it around; None for a
    pinhole. The page interpolates it.
    """
    if not bool((camera.distortion != 0).any()) and int(camera.lens) == 0:
        return None
    low = [-_MARGIN * side for side in size]
    step = [(1 + 2 * _MARGIN) * side / _GRID for side in size]
    axes = [torch.arange(_GRID + 1, dtype=torch.float64) * step[axis] + low[axis] for axis in range(2)]
    v, u = torch.meshgrid(axes[1], axes[0], indexing="ij")
    k = camera.intrinsics.double()
    y = (v - k[1, 2]) / k[1, 1]
    x = (u - k[0, 2] - k[0, 1] * y) / k[0, 0]
    points = torch.stack([x, y, torch.ones_like(x)], dim=-1).reshape(-1, 3)
    moved = camera.to(torch.float64).project_camera(points) - torch.stack([u, v], dim=-1).reshape(-1, 2)
    moved = moved.nan_to_num(0.0).clamp(-max(size), max(size))
    return {"low": low, "step": step, "cells": _GRID, "moved": [[round(a, 2), round(b, 2)] for a, b in moved.tolist()]}


def _influences(weights: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The four strongest joints of each vertex, and their weights in 255ths, which sum to 255."""
    count = min(_INFLUENCES, weights.shape[1])
    largest = weights.detach().cpu().double().topk(count, dim=1)
    shares = np.zeros((len(weights), _INFLUENCES))
    joints = np.zeros((len(weights), _INFLUENCES), np.int64)
    shares[:, :count], joints[:, :count] = largest.values.clamp_min(0).numpy(), largest.indices.numpy()
    whole = np.rint(255 * shares / shares.sum(1, keepdims=True)).astype(np.int64)
    whole[:, 0] += 255 - whole.sum(1)
    return np.where(whole > 0, joints, 0), whole


def _person(motion: BodyMotion, person: int, frames: list[int | None]) -> dict[str, Any]:
    """One person's shape, and poses by frame of the page."""
    rest = motion.shaped.vertices[person].detach().cpu().double().numpy()
    offsets = motion.shaped.offsets[person].detach().cpu().double()
    seen = motion.seen[:, person]
    there = [frame is not None and bool(seen[frame]) for frame in frames]
    rows = [frame for frame, here in zip(frames, there, strict=True) if here and frame is not None]
    vectors = _short(motion.rotations[rows, person].detach().cpu().double())
    places = (motion.translation[rows, person].detach().cpu().double() + offsets[0]).numpy()
    return {
        "rest": _packed(np.rint(1e4 * rest), "<i2"),
        "offsets": [[round(value, 5) for value in one] for one in offsets.tolist()],
        "there": [1 if here else 0 for here in there],
        "rotations": _packed(np.rint(vectors.numpy() * 32767 / math.pi), "<i2"),
        "places": _packed(np.rint(1e4 * places), "<i4"),
    }


def _short(vectors: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
    """The same rotations with angles of at most pi."""
    return matrix_to_rotvec(rotvec_to_matrix(vectors))


def _packed(values: np.ndarray, kind: str) -> str:
    """Numbers as base64."""
    return base64.b64encode(np.ascontiguousarray(values).astype(kind).tobytes()).decode("ascii")
