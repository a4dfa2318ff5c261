"""The closed-form root: exact for exact rays, equal to plain least squares otherwise."""

import numpy as np
import torch

from lift3d.lifting.root_position import root_position


def _scene() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    relative = torch.randn(6, 17, 3, dtype=torch.float64) * 0.4
    relative[:, 0] = 0
    root = torch.randn(6, 3, dtype=torch.float64) + torch.tensor([0.0, 0.0, 5.0], dtype=torch.float64)
    points = relative + root[:, None]
    return relative, root, points[..., :2] / points[..., 2:]


def test_exact_rays_give_the_root_back() -> None:
    relative, root, rays = _scene()
    torch.testing.assert_close(root_position(relative, rays, torch.rand(6, 17).double() + 0.1), root)


def test_agrees_with_plain_weighted_least_squares() -> None:
    relative, _, rays = _scene()
    rays = rays + 0.01 * torch.randn_like(rays)
    weights = torch.rand(6, 17, dtype=torch.float64)
    found = root_position(relative, rays, weights)
    for person in range(6):
        rows, right = [], []
        for (x, y), (px, py, pz), w in zip(
            rays[person].tolist(), relative[person].tolist(), weights[person].tolist(), strict=True
        ):
            rows += [np.sqrt(w) * np.array([1, 0, -x]), np.sqrt(w) * np.array([0, 1, -y])]
            right += [np.sqrt(w) * (x * pz - px), np.sqrt(w) * (y * pz - py)]
        expected = np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)[0]
        np.testing.assert_allclose(found[person].numpy(), expected, atol=1e-9)


def test_one_joint_or_a_root_behind_is_nan() -> None:
    relative, _, rays = _scene()
    weights = torch.zeros(6, 17, dtype=torch.float64)
    weights[:, 3] = 1
    assert root_position(relative, rays, weights).isnan().all()
    assert root_position(-relative, rays, torch.ones(6, 17, dtype=torch.float64)).isnan().all()


def test_missing_joints_do_not_count() -> None:
    relative, root, rays = _scene()
    rays[:, 4] = torch.nan
    relative[:, 5] = torch.nan
    torch.testing.assert_close(root_position(relative, rays, torch.ones(6, 17, dtype=torch.float64)), root)


def test_gradients_agree_with_finite_differences() -> None:
    relative, _, rays = (value[:2, :5].contiguous() if value.ndim == 3 else value for value in _scene())
    weights = torch.rand(2, 5, dtype=torch.float64) + 0.1
    assert torch.autograd.gradcheck(
        root_position, (relative.requires_grad_(), rays.requires_grad_(), weights.requires_grad_())
    )
