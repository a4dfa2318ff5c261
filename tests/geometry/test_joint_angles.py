"""Body frames, limbs carried back to rest, and cells of the sphere."""

import math

import pytest
import torch
from torch.nn.functional import normalize

from lift3d.geometry.joint_angles import body_frame, carried_back, cell_centres, cell_of, in_frame
from lift3d.geometry.rotations import rotvec_to_matrix


def vectors(*shape):
    return torch.randn(*shape, 3, dtype=torch.float64)


def test_a_person_who_faces_minus_y_with_the_left_hand_at_plus_x():
    frame = body_frame(torch.tensor([2.0, 0.0, 0.3]), torch.tensor([0.0, 0.0, 5.0]))
    torch.testing.assert_close(frame, torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))


def test_frames_are_rotations_and_turn_with_the_body():
    left, up, turn = vectors(4, 5), vectors(4, 5), rotvec_to_matrix(vectors(4, 5))
    frame = body_frame(left, up)
    torch.testing.assert_close(frame @ frame.mT, torch.eye(3, dtype=torch.float64).expand(4, 5, 3, 3))
    assert (torch.linalg.det(frame) > 0).all()
    torch.testing.assert_close(
        body_frame((turn @ left[..., None])[..., 0], (turn @ up[..., None])[..., 0]), frame @ turn.mT
    )


def test_directions_have_length_one_or_are_nan():
    frame = body_frame(vectors(3), vectors(3))
    line = torch.stack([vectors(), torch.zeros(3, dtype=torch.float64), torch.full((3,), torch.nan).double()])
    found = in_frame(frame, line)
    assert found[0].norm().item() == pytest.approx(1)
    assert torch.isnan(found[1:]).all()
    torch.testing.assert_close(in_frame(frame, frame[:, 1])[2], torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64))


def test_a_stretched_limb_is_at_rest_and_the_bend_is_kept():
    bone, lower, rest = (normalize(vectors(*shape), dim=-1) for shape in ((50,), (50,), ()))
    torch.testing.assert_close(carried_back(bone, bone, rest), rest.expand(50, 3))
    torch.testing.assert_close((carried_back(lower, bone, rest) * rest).sum(-1), (lower * bone).sum(-1))
    torch.testing.assert_close(carried_back(lower, rest.expand(50, 3), rest), lower)


@pytest.mark.parametrize("rows", [3, 16])
def test_cells_and_their_centres(rows):
    centres = cell_centres(rows)
    assert cell_of(centres, rows).tolist() == list(range(2 * rows * rows))
    assert centres[0, 2] > 0 > centres[-1, 2]  # from up to down
    assert math.atan2(centres[0, 1], centres[0, 0]) == pytest.approx(-math.pi + math.pi / (2 * rows))
    directions = normalize(vectors(200_000), dim=-1)
    shares = torch.bincount(cell_of(directions, 3), minlength=18) / len(directions)
    assert (shares - 1 / 18).abs().max() < 0.003  # all of the same area


def test_the_rim_of_the_sphere_lies_in_a_cell():
    rim = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0], [-1.0, 0.0, 0.0], [-1.0, -0.0, 0.0], [1.0, 0.0, 0.0]])
    cells = cell_of(rim, 4)
    assert ((cells >= 0) & (cells < 32)).all()
