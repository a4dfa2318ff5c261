"""Left and right exchanged in a view: every kind found exactly and put right, and nothing else touched."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lift3d import CameraRig, Keypoints2D, Skeleton
from lift3d.synthetic import observe, ring_rig, walk
from lift3d.triangulation import Triangulation, TriangulationSettings, triangulate_in_detail
from lift3d.triangulation.swaps import exchanged, find_swaps, twins_outward

LIMBS = {
    "ankle": ["ankle"],
    "lower leg": ["knee", "ankle"],
    "leg": ["hip", "knee", "ankle"],
    "wrist": ["wrist"],
    "arm": ["shoulder", "elbow", "wrist"],
    "legs and arm": ["hip", "knee", "ankle", "wrist"],
    "whole body": ["hip", "knee", "ankle", "shoulder", "elbow", "wrist"],
}


@pytest.fixture(scope="module")
def clean() -> tuple[CameraRig, Keypoints2D]:
    rig = ring_rig(cameras=4)
    return rig, observe(walk(frames=60, people=2), rig, noise_px=1.0)


def joints_of(limb: str, skeleton: Skeleton) -> list[int]:
    return [skeleton.index(f"{side}_{joint}") for joint in LIMBS[limb] for side in ("left", "right")]


def planted(keypoints: Keypoints2D, marked: torch.Tensor) -> Keypoints2D:
    """The keypoints with the marked detections taken from their twins."""
    twins = list(keypoints.skeleton.flip_order)
    pixels = torch.where(marked[..., None], keypoints.pixels[..., twins, :], keypoints.pixels)
    return replace(keypoints, pixels=pixels, scores=torch.where(marked, keypoints.scores[..., twins], keypoints.scores))


def marks(keypoints: Keypoints2D, view: int, frames: slice, person: int, joints: list[int]) -> torch.Tensor:
    marked = torch.zeros(keypoints.scores.shape, dtype=torch.bool)
    marked[view, frames, person] = torch.isin(torch.arange(len(keypoints.skeleton)), torch.tensor(joints))
    return marked


def found(keypoints: Keypoints2D, rig: CameraRig, **changes) -> Triangulation:
    return triangulate_in_detail(keypoints, rig, "robust", TriangulationSettings(**changes))


def far_apart(keypoints: Keypoints2D, limit: float) -> torch.Tensor:
    """Where a detection and its twin's are further apart than so many pixels."""
    twins = list(keypoints.skeleton.flip_order)
    return (keypoints.pixels - keypoints.pixels[..., twins, :]).norm(dim=-1) > limit


@pytest.mark.parametrize("limb", LIMBS)
@pytest.mark.parametrize("view", [0, 1, 2, 3])
def test_every_kind_is_found_exactly_and_put_right(clean, limb: str, view: int) -> None:
    rig, keypoints = clean
    marked = marks(keypoints, view, slice(10, 50, 4), 1, joints_of(limb, keypoints.skeleton))
    own = found(planted(keypoints, marked), rig)
    clear = far_apart(keypoints, 12.0)
    assert (marked & clear).sum() > 0.7 * marked.sum()
    caught = own.swapped[marked & clear].double().mean()
    alone = limb in ("ankle", "wrist", "legs and arm")  # a pair alone can be in doubt
    assert caught >= (0.75 if alone else 1)
    assert not (own.swapped & ~marked).any()
    at = own.swapped
    assert torch.equal(own.keypoints.pixels[at], keypoints.pixels[at])
    assert torch.equal(own.keypoints.scores[at], keypoints.scores[at])
    assert own.used[at].double().mean() > 0.95
    untouched = found(keypoints, rig)
    assert (own.poses.positions - untouched.poses.positions).norm(dim=-1).max() < 0.02


def test_a_view_that_has_everything_exchanged_in_every_frame(clean) -> None:
    rig, keypoints = clean
    sides = [joint for joint, twin in enumerate(keypoints.skeleton.flip_order) if joint != twin]
    marked = marks(keypoints, 3, slice(None), 0, sides)
    own = found(planted(keypoints, marked), rig)
    clear = far_apart(keypoints, 12.0)
    assert (own.swapped & clear)[marked & clear].double().mean() > 0.99
    assert not (own.swapped & ~marked).any()


@pytest.mark.parametrize(("noise_px", "outliers", "missing"), [(1.0, 0.0, 0.0), (4.0, 0.0, 0.1), (2.0, 0.05, 0.2)])
def test_noise_and_outliers_are_not_taken_for_exchanged_sides(noise_px, outliers, missing) -> None:
    rig = ring_rig(cameras=4)
    own = found(observe(walk(frames=150, people=2), rig, noise_px, missing, outliers), rig)
    assert own.swapped.double().mean() < 0.001


def test_nothing_is_exchanged_where_it_is_not_wanted_or_cannot_be_known(clean) -> None:
    rig, keypoints = clean
    legs = joints_of("leg", keypoints.skeleton)
    bad = planted(keypoints, marks(keypoints, 0, slice(10, 50), 0, legs))
    assert not found(bad, rig, swaps=False).swapped.any()
    pair = rig.names[:2]
    assert not found(bad.only(pair), rig.only(pair)).swapped.any()  # two views: either may be the wrong one


def test_a_skeleton_without_sides_is_left_alone() -> None:
    rig = ring_rig(cameras=4)
    sided = observe(walk(frames=20), rig, noise_px=1.0, outliers=0.1)
    plain = Skeleton("marks", tuple(f"mark{joint}" for joint in range(17)), sided.skeleton.parents)
    own = found(replace(sided, skeleton=plain), rig)
    assert not own.swapped.any()
    assert twins_outward(plain) == {}
    assert own.poses.positions.isfinite().double().mean() > 0.9


def test_the_keypoints_that_were_passed_in_stay_as_they_were(clean) -> None:
    rig, keypoints = clean
    marked = marks(keypoints, 1, slice(5, 20), 0, joints_of("whole body", keypoints.skeleton))
    given = planted(keypoints, marked)
    pixels, scores = given.pixels.clone(), given.scores.clone()
    assert found(given, rig).swapped.any()
    assert torch.equal(given.pixels, pixels)
    assert torch.equal(given.scores, scores)


LEGS = Skeleton(
    "legs",
    ("pelvis", "left_hip", "left_knee", "left_ankle", "right_hip", "right_knee", "right_ankle"),
    (-1, 0, 1, 2, 0, 4, 5),
)


def legs_seen(apart: float) -> tuple[np.ndarray, np.ndarray]:
    """Where a view sees two legs so many pixels apart, and detections of 1 px noise."""
    projected = np.array(
        [[0.0, 0], *([-apart / 2, 10.0 * k] for k in range(3)), *([apart / 2, 10.0 * k] for k in range(3))]
    )
    noise = np.random.default_rng(0).normal(size=(500, 7, 2))
    return np.broadcast_to(projected, noise.shape), projected + noise


def test_legs_that_cross_are_not_touched() -> None:
    for apart in (0.0, 1.0, 2.0, 3.0):
        projected, pixels = legs_seen(apart)
        assert find_swaps(projected, pixels, np.ones(pixels.shape[:2]), LEGS, 4.0).mean() < 0.001


def test_a_part_of_a_limb_is_exchanged_and_the_rest_is_not() -> None:
    projected, pixels = legs_seen(30.0)
    for first, expected in ((1, [1, 2, 3]), (2, [2, 3]), (3, [3])):
        own = pixels.copy()
        for joint in range(first, 4):
            own[:, [joint, joint + 3]] = own[:, [joint + 3, joint]]
        marked = find_swaps(projected, own, np.ones(pixels.shape[:2]), LEGS, 4.0)
        assert (np.nonzero(marked.all(0))[0] == [*expected, *(joint + 3 for joint in expected)]).all()
        assert marked.sum() == 500 * 2 * len(expected)
        np.testing.assert_array_equal(exchanged(own, marked, LEGS), pixels)


def test_missing_detections_and_points_say_nothing() -> None:
    projected, pixels = legs_seen(30.0)
    own, information = pixels[:, [0, 4, 5, 6, 1, 2, 3]].copy(), np.ones(pixels.shape[:2])
    own[:, 3], information[:, 3] = np.nan, 0  # one ankle was not seen
    marked = find_swaps(projected, own, information, LEGS, 4.0)
    assert marked[:, 1:].all()
    assert not find_swaps(np.full_like(projected, np.nan), own, information, LEGS, 4.0).any()
    nothing = np.full_like(own, np.nan)
    assert not find_swaps(projected, nothing, np.zeros_like(information), LEGS, 4.0).any()


def test_twins_hang_together_from_the_root_outward() -> None:
    assert twins_outward(LEGS) == {1: (4, [2]), 2: (5, [3]), 3: (6, [])}
