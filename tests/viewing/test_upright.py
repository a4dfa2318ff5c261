"""The upright frame: rotations that put every up axis on top, and a floor under the feet."""

import math

import pytest
import torch

from lift3d.viewing._upright import UPRIGHT, axis_names, floor_height, to_upright, upright_matrix, view_box


@pytest.mark.parametrize("up", sorted(UPRIGHT))
def test_up_becomes_plus_z_by_a_rotation(up):
    matrix = upright_matrix(up)
    axis = torch.zeros(3, dtype=torch.float64)
    axis["xyz".index(up[1])] = 1.0 if up[0] == "+" else -1.0
    assert to_upright(axis, up).tolist() == [0, 0, 1]
    assert torch.linalg.det(matrix).item() == pytest.approx(1)
    points = torch.randn(5, 3, dtype=torch.float64)
    torch.testing.assert_close(to_upright(points, up), points @ matrix.T)
    assert axis_names(up)[2] == up.replace("+", "")


def test_a_missing_coordinate_stays_its_own():
    assert torch.isnan(to_upright(torch.tensor([1.0, math.nan, 3.0]), "-y")).tolist() == [False, False, True]


def test_the_floor_is_under_the_feet_and_snaps_to_zero(poses):
    assert floor_height(poses.positions) == 0.0  # ankles at 8 cm: the world's own floor
    assert floor_height(poses.positions - 0.9) == pytest.approx(0.08 - 0.9)
    jumping = poses.positions - 0.9
    jumping[5, 0, 3, 2] = -30.0  # one stray joint
    assert floor_height(jumping) == pytest.approx(0.08 - 0.9)
    assert floor_height(torch.full_like(poses.positions, torch.nan)) == 0.0


def test_the_box_leaves_strays_out(poses):
    positions = poses.positions.clone()
    positions[5, 0, 3] = 1000.0
    low, high = view_box(positions)
    assert high.max() < 3
    assert (low < high).all()
    assert view_box(torch.full((2, 3), torch.nan))[1].tolist() == [1, 1, 2]
