"""The three stages of a body: what must hold whatever the numbers, and a second route to the same mesh."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tiny_bodies import tiny_body

from lift3d.bodies import BodyModel
from lift3d.errors import InputError, ShapeError
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.skeletons import Skeleton

JOINTS = 5


@pytest.fixture
def body() -> BodyModel:
    return tiny_body()


def rotvecs(*batch: int) -> torch.Tensor:
    return torch.randn(*batch, JOINTS, 3, dtype=torch.float64)


def betas(*batch: int) -> torch.Tensor:
    return torch.randn(*batch, 3, dtype=torch.float64)


def mesh_by_loops(body: BodyModel, betas: np.ndarray, rotvecs: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """One mesh by 4 x 4 matrices, joint by joint and vertex by vertex, written apart from lift3d."""
    turns = rotvec_to_matrix(torch.from_numpy(rotvecs)).numpy()
    rest = body.template.numpy() + body.shape_directions.numpy() @ betas
    joints = body.joint_regressor.numpy() @ rest
    assert body.pose_directions is not None
    for joint in range(1, JOINTS):
        for row, column in np.ndindex(3, 3):
            entry = 9 * (joint - 1) + 3 * row + column
            rest = rest + body.pose_directions[..., entry].numpy() * (turns[joint, row, column] - (row == column))
    world = []
    for joint, parent in enumerate(body.parents):
        own = np.eye(4)
        own[:3, :3] = turns[joint]
        own[:3, 3] = joints[joint] - (joints[parent] if parent >= 0 else 0)
        world.append(world[parent] @ own if parent >= 0 else own)
    made = []
    for vertex, place in enumerate(rest):
        carried = np.zeros(3)
        for joint in range(JOINTS):
            local = np.append(place - joints[joint], 1.0)
            carried += body.weights[vertex, joint].item() * (world[joint] @ local)[:3]
        made.append(carried + translation)
    return np.array(made)


def test_at_rest_the_mesh_is_the_shape(body: BodyModel) -> None:
    shaped = body.with_shape(betas(2))
    posed = shaped.with_pose(torch.zeros(2, JOINTS, 3))
    torch.testing.assert_close(posed.mesh(), shaped.vertices)
    torch.testing.assert_close(posed.joints, shaped.joints)


def test_joints_are_those_of_the_vertices(body: BodyModel) -> None:
    shaped = body.with_shape(betas(4))
    torch.testing.assert_close(shaped.joints, body.joint_regressor @ shaped.vertices)


def test_the_mesh_is_that_of_loops_over_joints_and_vertices(body: BodyModel) -> None:
    shape, turns, moved = betas(), rotvecs(), torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64)
    mesh = body.with_shape(shape).with_pose(turns, moved).mesh()
    expected = mesh_by_loops(body, shape.numpy(), turns.numpy(), moved.numpy())
    np.testing.assert_allclose(mesh.numpy(), expected, atol=1e-12)


def test_a_turn_of_the_root_turns_everything_about_the_root(body: BodyModel) -> None:
    turns, shaped = rotvecs(), body.with_shape(betas())
    still = turns.clone()
    still[0] = 0.0
    first, second = shaped.with_pose(still), shaped.with_pose(turns)
    turn, root = rotvec_to_matrix(turns[0]), shaped.joints[0]
    torch.testing.assert_close((first.mesh() - root) @ turn.mT + root, second.mesh())
    torch.testing.assert_close((first.joints - root) @ turn.mT + root, second.joints)


def test_a_vertex_of_one_joint_keeps_its_distance_to_it() -> None:
    body = tiny_body(corrected=False)
    body.weights[:] = torch.nn.functional.one_hot(torch.full((40,), 3), JOINTS)
    shaped = body.with_shape(betas())
    posed = shaped.with_pose(rotvecs(6))
    before = (shaped.vertices - shaped.joints[3]).norm(dim=-1)
    torch.testing.assert_close((posed.mesh() - posed.joints[:, 3:4]).norm(dim=-1), before.expand(6, -1))


def test_only_what_hangs_on_a_joint_moves_with_it(body: BodyModel) -> None:
    turns = torch.zeros(JOINTS, 3, dtype=torch.float64)
    turns[1] = 0.5
    moved = (body.with_shape().with_pose(turns).joints - body.joint_template).norm(dim=-1) > 1e-9
    assert moved.tolist() == [False, False, False, True, False]


def test_translation_moves_all(body: BodyModel) -> None:
    moved = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    turns = rotvecs()
    here, there = body.with_shape().with_pose(turns), body.with_shape().with_pose(turns, moved)
    torch.testing.assert_close(here.mesh() + moved, there.mesh())
    torch.testing.assert_close(here.joints + moved, there.joints)


def test_rotation_vectors_and_matrices_say_the_same(body: BodyModel) -> None:
    turns = rotvecs(2)
    by_vectors, by_matrices = (body.with_shape().with_pose(one) for one in (turns, rotvec_to_matrix(turns)))
    torch.testing.assert_close(by_vectors.mesh(), by_matrices.mesh())


def test_batches_are_broadcast_and_are_the_same_one_by_one(body: BodyModel) -> None:
    shape, turns, moved = betas(2), rotvecs(70, 2), torch.randn(70, 1, 3, dtype=torch.float64)
    posed = body.with_shape(shape).with_pose(turns, moved)
    mesh = posed.mesh()
    assert mesh.shape == (70, 2, 40, 3)
    for frame, person in ((0, 0), (63, 1), (69, 0)):
        alone = body.with_shape(shape[person]).with_pose(turns[frame, person], moved[frame, 0])
        torch.testing.assert_close(mesh[frame, person], alone.mesh())
        torch.testing.assert_close(posed.joints[frame, person], alone.joints)


def test_no_frames_make_no_meshes(body: BodyModel) -> None:
    assert body.with_shape(betas(2)).with_pose(rotvecs(0, 2)).mesh().shape == (0, 2, 40, 3)


def test_components_that_are_not_given_are_zero(body: BodyModel) -> None:
    short = body.with_shape(torch.tensor([1.5]))
    full = body.with_shape(torch.tensor([1.5, 0.0, 0.0]))
    torch.testing.assert_close(short.vertices, full.vertices)
    torch.testing.assert_close(body.with_shapes(1).with_shape(torch.tensor([1.5])).joints, full.joints)


def test_gradients_are_those_of_differences(body: BodyModel) -> None:
    body = tiny_body(vertices=6)
    inputs = [one.requires_grad_() for one in (betas(2), rotvecs(2), torch.randn(2, 3, dtype=torch.float64))]

    def joints_and_mesh(shape: torch.Tensor, turns: torch.Tensor, moved: torch.Tensor) -> torch.Tensor:
        posed = body.with_shape(shape).with_pose(turns, moved)
        return torch.cat([posed.joints, posed.mesh()], dim=-2)

    assert torch.autograd.gradcheck(joints_and_mesh, inputs)


def test_another_type_gives_the_same_to_its_precision(body: BodyModel) -> None:
    single = body.to(dtype=torch.float32)
    turns = rotvecs(2)
    mesh = single.with_shape().with_pose(turns).mesh()
    assert mesh.dtype == torch.float32
    assert single.faces.dtype == body.faces.dtype
    torch.testing.assert_close(mesh.double(), body.with_shape().with_pose(turns).mesh(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"joint_regressor": torch.zeros(4, 40), "weights": torch.zeros(40, 4)}, r"joint_regressor .* \(5, 40\)"),
        ({"pose_directions": torch.zeros(40, 3, 45)}, "pose_directions"),
        ({"parents": (-1, 2, 0, 1, 0)}, "parents come first"),
        ({"skeleton": Skeleton("other", ("a", "b", "c", "d", "e"), (-1, 0, 1, 2, 3))}, "other parents"),
        ({"faces": torch.full((2, 3), 40)}, "face"),
    ],
)
def test_a_model_that_does_not_fit_together_is_refused(body: BodyModel, fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        replace(body, **fields)


def test_too_many_components_and_wrong_joints_are_refused(body: BodyModel) -> None:
    with pytest.raises(ShapeError, match="at most 3"):
        body.with_shape(torch.zeros(4))
    with pytest.raises(ShapeError, match=r"\(\.\.\., 5, 3, 3\)"):
        body.with_shape().with_pose(torch.zeros(24, 3))
