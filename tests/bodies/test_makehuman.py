"""The body that comes with lift3d: what it promises; smplx gives the same vertices and joints for its numbers."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from lift3d.bodies import BodyModel
from lift3d.formats import body_names, read_body

VERTICES = 6999
GENDERS = ("neutral", "male", "female")
HEIGHTS = {"neutral": (1.66, 1.71), "male": (1.72, 1.77), "female": (1.60, 1.65)}  # of the mean shape, metres


@cache
def body_of(gender: str) -> BodyModel:
    return read_body("makehuman", gender=gender)


@pytest.fixture(params=GENDERS)
def body(request: pytest.FixtureRequest) -> BodyModel:
    return body_of(request.param)


def edges_of(body: BodyModel) -> torch.Tensor:
    """Directed edges of the faces, each as one number."""
    corners = body.faces
    return torch.cat([corners[:, [a, b]] @ torch.tensor([100_000, 1]) for a, b in ((0, 1), (1, 2), (2, 0))])


def volume(vertices: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
    first, second, third = (vertices[..., faces[:, corner], :] for corner in range(3))
    return (first * torch.linalg.cross(second, third)).sum((-2, -1)) / 6


def test_it_is_the_default() -> None:
    assert "makehuman" in body_names()
    assert read_body().gender == "neutral"
    assert read_body().licence.startswith("CC0")


def test_it_is_a_person_in_a_t_pose(body: BodyModel) -> None:
    low, high = HEIGHTS[body.gender]
    assert low < float(body.template[:, 1].max() - body.template[:, 1].min()) < high
    place = dict(zip(body.skeleton.joints, body.joint_template, strict=True))
    assert place["left_hand"][0] > place["left_elbow"][0] > place["left_shoulder"][0] > 0.1  # x to the left
    assert (
        place["head"][1] > place["neck"][1] > place["pelvis"][1] > place["left_knee"][1] > place["left_foot"][1]
    )  # y up
    assert place["left_foot"][2] > place["left_ankle"][2] + 0.05  # z forward
    assert abs(float(place["left_wrist"][1] - place["left_shoulder"][1])) < 0.02
    torch.testing.assert_close(place["pelvis"], torch.zeros(3), atol=1e-4, rtol=0)


def test_its_numbers_are_sound(body: BodyModel) -> None:
    assert body.template.shape == (VERTICES, 3)
    assert body.shapes == 10
    assert body.pose_directions is None
    torch.testing.assert_close(body.weights.sum(1), torch.ones(VERTICES))
    assert int((body.weights > 0).sum(1).max()) <= 4
    assert float(body.weights.min()) >= 0
    torch.testing.assert_close(body.joint_regressor.sum(1), torch.ones(24))
    assert float(body.joint_regressor.min()) >= 0


def test_its_surface_is_closed_and_faces_outward(body: BodyModel) -> None:
    there, back = edges_of(body), edges_of(body).div(100_000, rounding_mode="floor")
    back = (there % 100_000) * 100_000 + back
    assert len(there.unique()) == len(there)
    assert set(there.tolist()) == set(back.tolist())
    assert len(body.template) - len(there) // 2 + len(body.faces) == 2  # Euler: one piece without holes
    assert 0.04 < float(volume(body.template, body.faces)) < 0.1


def test_all_genders_share_a_topology_and_a_skin() -> None:
    neutral = body_of("neutral")
    for gender in GENDERS[1:]:
        other = body_of(gender)
        for name in ("faces", "weights", "joint_regressor"):
            assert torch.equal(getattr(other, name), getattr(neutral, name))
        assert not torch.equal(other.template, neutral.template)


def test_its_sides_are_equal(body: BodyModel) -> None:
    flip = list(body.skeleton.flip_order)
    opposite = torch.tensor([-1.0, 1.0, 1.0])
    for betas in (torch.zeros(10), torch.randn(10)):
        joints = body.with_shape(betas).joints
        torch.testing.assert_close(joints[flip] * opposite, joints, atol=2e-4, rtol=0)


def test_the_first_component_is_height_and_bodies_stay_people(body: BodyModel) -> None:
    grown, shrunk = (body.with_shape(torch.tensor([amount])).vertices[:, 1] for amount in (2.0, -2.0))
    assert 0.15 < float((grown.max() - grown.min()) - (shrunk.max() - shrunk.min())) < 0.35
    people = body.with_shape(torch.randn(50, 10)).vertices
    heights = people[..., 1].amax(-1) - people[..., 1].amin(-1)
    assert 0.03 < float(heights.std()) < 0.1
    assert bool((volume(people, body.faces) > 0.025).all())


def test_a_bent_elbow_brings_the_hand_forward(body: BodyModel) -> None:
    rotations = torch.zeros(24, 3)
    rotations[body.skeleton.index("left_elbow"), 1] = -1.5
    posed = body.with_shape().with_pose(rotations)
    hand, elbow = (posed.joints[body.skeleton.index(name)] for name in ("left_hand", "left_elbow"))
    assert hand[2] > elbow[2] + 0.2
    followers = body.weights[:, body.skeleton.index("left_hand")] > 0.9
    assert float((posed.mesh()[followers].mean(0) - hand).norm()) < 0.12


def in_smplx(body: BodyModel, batch: int) -> Any:
    """A body's numbers as a model of smplx; its extra joints are vertices that mean something in SMPL alone."""
    smplx = pytest.importorskip("smplx")
    from smplx.utils import Struct
    from smplx.vertex_ids import vertex_ids

    corrections = body.pose_directions
    numbers = Struct(
        v_template=body.template.numpy(),
        shapedirs=body.shape_directions.numpy(),
        posedirs=np.zeros((VERTICES, 3, 207), dtype=np.float32) if corrections is None else corrections.numpy(),
        J_regressor=body.joint_regressor.numpy(),
        kintree_table=np.stack([np.array([2**32 - 1, *body.parents[1:]]), np.arange(24)]),
        weights=body.weights.numpy(),
        f=body.faces.numpy(),
    )
    return smplx.SMPL(".", data_struct=numbers, batch_size=batch, vertex_ids=dict.fromkeys(vertex_ids["smplh"], 0))


@pytest.mark.parametrize("corrected", [False, True])
def test_smplx_gives_the_same_vertices_and_joints(body: BodyModel, corrected: bool) -> None:
    if corrected:
        body = replace(body, pose_directions=torch.randn(VERTICES, 3, 207) * 1e-3)
    betas, turns, moved = torch.randn(4, 10), torch.randn(4, 24, 3) * 0.6, torch.randn(4, 3)
    turns[0] = 0.0
    theirs = in_smplx(body, 4)
    with torch.no_grad():
        expected = theirs(betas=betas, global_orient=turns[:, 0], body_pose=turns[:, 1:].flatten(1), transl=moved)
    posed = body.with_shape(betas).with_pose(turns, moved)
    torch.testing.assert_close(posed.mesh(), expected.vertices, atol=1e-5, rtol=0)
    torch.testing.assert_close(posed.joints, expected.joints[:, :24], atol=1e-5, rtol=0)
