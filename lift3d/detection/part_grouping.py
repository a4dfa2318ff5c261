"""From heatmaps and part affinity fields of a whole picture to people.

Cao, Simon, Wei and Sheikh, "Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields", CVPR 2017, in the
order and with the thresholds of Lightweight OpenPose (Osokin 2018): peaks of the heatmaps are joints; between joints
that a limb may connect, the field is sampled at ten places along the line; the best limbs are taken first, each joint
once; limbs that share a joint are a person.

Published code enlarges all maps to the picture's size first, which costs most of its time. Here the maps stay as the
network gives them: peaks are placed between cells by the Gaussian through their neighbours, and fields are read between
cells. On enlarged maps, ``GroupingSettings(refine=False)`` does exactly what the published code does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.compiled.part_grouping import find_peaks, join_limbs
from lift3d.errors import ShapeError
from lift3d.skeletons import Skeleton, get_skeleton

__all__ = ["BODY18_LIMBS", "GroupingSettings", "Limb", "People", "group_parts"]


@dataclass(frozen=True)
class Limb:
    """A connection that a network gives a field of.

    Args:
        start, end: names of joints.
        channel: of the field's x; y follows.
        trusting: it only adds a joint to people there are already, and does not count as evidence for them: for
            connections that close a loop. These come last.
    """

    start: str
    end: str
    channel: int
    trusting: bool = False


# The published order of Lightweight OpenPose, whose joints are those of the skeleton body18.
BODY18_LIMBS = (
    Limb("neck", "right_shoulder", 12), Limb("neck", "left_shoulder", 20),
    Limb("right_shoulder", "right_elbow", 14), Limb("right_elbow", "right_wrist", 16),
    Limb("left_shoulder", "left_elbow", 22), Limb("left_elbow", "left_wrist", 24),
    Limb("neck", "right_hip", 0), Limb("right_hip", "right_knee", 2), Limb("right_knee", "right_ankle", 4),
    Limb("neck", "left_hip", 6), Limb("left_hip", "left_knee", 8), Limb("left_knee", "left_ankle", 10),
    Limb("neck", "nose", 28), Limb("nose", "right_eye", 30), Limb("right_eye", "right_ear", 34),
    Limb("nose", "left_eye", 32), Limb("left_eye", "left_ear", 36),
    Limb("right_shoulder", "right_ear", 18, trusting=True), Limb("left_shoulder", "left_ear", 26, trusting=True),
)  # fmt: skip


@dataclass(frozen=True)
class GroupingSettings:
    """What counts as a joint, a limb, a person; the defaults are published.

    Args:
        lowest_peak: height from which on a peak is a joint.
        lowest_field: a sample along a limb counts from this value of the field on.
        needed_samples: of the ten along a limb that must count.
        fewest_joints: of a person.
        lowest_score: of a person: heights of joints and scores of limbs, over the number of joints.
        refine: see the head of this module.
        nearest: without ``refine``, peaks of one joint are at least so many cells apart.
    """

    lowest_peak: float = 0.1
    lowest_field: float = 0.05
    needed_samples: int = 9
    fewest_joints: int = 3
    lowest_score: float = 0.2
    refine: bool = True
    nearest: float = 6.0


@dataclass(frozen=True, eq=False)
class People:
    """The people of one picture.

    Args:
        places: of joints, cells of the maps; NaN where missing. The centre of the top-left cell is (0, 0).
        scores: of joints: height of the peak, 0 where missing.
        person_scores: sum of the heights of a person's joints and the scores of the limbs.
        joint_counts: joints that the limbs found, those that only closed a loop not counted.
    """

    places: Float[Tensor, "people joints 2"]
    scores: Float[Tensor, "people joints"]
    person_scores: Float[Tensor, "people"]
    joint_counts: Float[Tensor, "people"]


def group_parts(
    heatmaps: Float[Tensor, "channels rows columns"],
    fields: Float[Tensor, "axes rows columns"],
    skeleton: Skeleton | None = None,
    limbs: Sequence[Limb] = BODY18_LIMBS,
    settings: GroupingSettings | None = None,
) -> People:
    """The people of one picture, in the order in which their first limbs are found.

    Args:
        heatmaps: of the skeleton's joints; more channels, such as the background, are not looked at.
        fields: of the limbs, x and y by turns.
        skeleton: by default ``body18``.
        limbs: in the order in which people are put together from them.
        settings: see there.

    Raises:
        ShapeError: there are fewer heatmaps than joints or fewer fields than limbs, or their sizes differ.
        UnknownNameError: the skeleton has no such joint as a limb says.
    """
    settings, skeleton = settings or GroupingSettings(), skeleton or get_skeleton("body18")
    joints, axes = len(skeleton), max(limb.channel for limb in limbs) + 2
    if heatmaps.ndim != 3 or len(heatmaps) < joints:
        raise ShapeError("heatmaps", heatmaps.shape, f"({joints} or more, rows, columns)")
    if fields.shape[1:] != heatmaps.shape[1:] or len(fields) < axes:
        raise ShapeError("fields", fields.shape, f"({axes} or more, {heatmaps.shape[1]}, {heatmaps.shape[2]})")
    maps, along = (own.detach().float().cpu().contiguous().numpy() for own in (heatmaps, fields))
    starts, places, heights = find_peaks(
        maps, joints, np.float32(settings.lowest_peak), settings.nearest, settings.refine
    )
    trusting = next((place for place, limb in enumerate(limbs) if limb.trusting), len(limbs))
    people, sums, counts = join_limbs(
        along, starts, places, heights, _limb_table(limbs, skeleton), trusting, settings.lowest_field,
        settings.needed_samples, settings.refine,
    )  # fmt: skip
    kept = (counts >= settings.fewest_joints) & (sums >= settings.lowest_score * counts)
    return _people(people[kept], sums[kept], counts[kept], places, heights)


def _limb_table(limbs: Sequence[Limb], skeleton: Skeleton) -> np.ndarray:
    rows = [[*skeleton.indices(limb.start, limb.end), limb.channel, limb.channel + 1] for limb in limbs]
    return np.array(rows, dtype=np.int64)


def _people(
    people: np.ndarray, sums: np.ndarray, counts: np.ndarray, places: np.ndarray, heights: np.ndarray
) -> People:
    found = people >= 0
    own_places = np.full((*people.shape, 2), np.nan)
    own_scores = np.zeros(people.shape)
    own_places[found], own_scores[found] = places[people[found]], heights[people[found]]
    return People(*(torch.from_numpy(values) for values in (own_places, own_scores, sums, counts.astype(np.float64))))
