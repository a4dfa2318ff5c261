"""Motions of bodies in the form that most of their files want, and back."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lift3d._times import frame_times
from lift3d.bodies import BodyModel, BodyMotion, smpl_skeleton
from lift3d.errors import FileError, InputError
from lift3d.formats._bodies import body_names, read_body
from lift3d.formats._up_axis import right_angles

__all__ = ["joints_in_order", "motion_of_one", "one_without_gaps", "ready_motion"]


def ready_motion(motion: BodyMotion, up: str, name: str) -> BodyMotion:
    """The motion in a world where ``up`` points up, without gaps and people who are never seen; warns of both.

    Args:
        motion: of people.
        up: the axis.
        name: of the format, for the warning.

    Raises:
        InputError: nobody is ever seen.
    """
    seen = motion.seen
    there = seen.any(0).nonzero()[:, 0].tolist()
    if not there:
        raise InputError(f"{name}: nobody is seen in any frame; nothing to write.")
    gaps = int((~seen[:, there]).sum())
    parts = [f"{gaps} missing poses were filled in over time"] if gaps else []
    if len(there) < motion.people:
        left = [f"person{one + 1}" for one in range(motion.people) if one not in there]
        parts.append(f"people never seen were left out: {', '.join(left)}")
    if parts:
        warnings.warn(f"{name}: {'; '.join(parts)}.", stacklevel=2)
    kept = BodyMotion(
        motion.model, motion.betas[there], motion.rotations[:, there], motion.translation[:, there], motion.times,
        motion.frame, motion.up,
    )  # fmt: skip
    return kept.filled().turned(right_angles(motion.up, up), up)


def one_without_gaps(motion: BodyMotion, up: str, name: str) -> BodyMotion:
    """The same of a motion of one person, for formats that hold one.

    Raises:
        InputError: there are several.
    """
    if motion.people != 1:
        raise InputError(f"{name} holds one person; these are {motion.people}. Write each alone: motion.only(person).")
    return ready_motion(motion, up, name)


def joints_in_order(motion: BodyMotion, family: str) -> np.ndarray:
    """Rotation vectors (frames, joints, 3) of the first person in a family's order of joints; 0 for what it lacks."""
    own, wanted = motion.model.skeleton.joints, smpl_skeleton(family).joints
    vectors = np.zeros((len(motion.times), len(wanted), 3))
    for place, joint in enumerate(wanted):
        if joint in own:
            vectors[:, place] = motion.rotations[:, 0, own.index(joint)].detach().cpu().double().numpy()
    return vectors


def motion_of_one(
    path: Path, vectors: np.ndarray, family: str, given: dict[str, Any], body: BodyModel | None, named: str | None
) -> BodyMotion:
    """The motion of a file's one person; joints that the body lacks are left out.

    Args:
        path: for errors.
        vectors: (frames, joints, 3) rotation vectors in a family's order.
        family: of body models.
        given: ``translation`` (frames, 3), ``betas``, ``rate``, ``gender`` and ``up``.
        body: the caller's model; None if not given.
        named: name of the model in the file; None if it does not say.

    Raises:
        FileError: no body is given and the file names none that comes with lift3d.
    """
    if body is None:
        if named not in body_names():
            raise FileError(path, "does not carry the body model that its shape is of", "Pass it (body=..., --body).")
        body = read_body(named, gender=given["gender"])
    shapes = torch.from_numpy(np.asarray(given["betas"], np.float64).reshape(-1))[: body.shapes]
    if named is None and body.name in body_names():
        warnings.warn(f"{path}: its shape is not of the body {body.name!r}; took the mean shape.", stacklevel=2)
        shapes = torch.zeros(0, dtype=torch.float64)
    rotations = torch.zeros(len(vectors), 1, len(body.parents), 3, dtype=torch.float64)
    for place, joint in enumerate(smpl_skeleton(family).joints):
        if joint in body.skeleton.joints:
            rotations[:, 0, body.skeleton.index(joint)] = torch.from_numpy(vectors[:, place])
    full = torch.zeros(1, body.shapes, dtype=torch.float64)
    full[0, : len(shapes)] = shapes
    return BodyMotion(
        body.to(torch.float64), full, rotations, torch.from_numpy(given["translation"])[:, None],
        frame_times(None, len(vectors), given["rate"]), up=given["up"],
    )  # fmt: skip
