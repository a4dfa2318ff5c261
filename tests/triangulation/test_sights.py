"""Points as a sight: what they pull at, how far ones are let go, and tracks that go through them."""

import numpy as np
import torch

from lift3d.synthetic import observe, ring_rig, walk
from lift3d.triangulation import TriangulationSettings
from lift3d.triangulation.noise import NoiseModel
from lift3d.triangulation.sights import DetectionsSeen, PointsSeen, views_used
from lift3d.triangulation.views import PackedRig

RIG = ring_rig(cameras=3)
TRUTH = walk(frames=20, fps=50.0)


def sight(information: np.ndarray, kernel: float = np.inf) -> PointsSeen:
    keypoints, packed = observe(TRUTH, RIG), PackedRig.of(RIG)
    detections = DetectionsSeen(packed, keypoints, NoiseModel.unknown(3), TriangulationSettings())
    points = TRUTH.positions.double().numpy() - packed.origin
    return PointsSeen(detections, points, np.broadcast_to(information, (*points.shape[:3], 6)).copy(), kernel)


def unexchanged(frames: int) -> np.ndarray:
    return np.zeros((3, frames, 1, 17), np.bool_)


def test_the_gradient_is_that_of_the_squared_distance() -> None:
    upper = np.array([4.0, 1.0, 0.5, 3.0, -0.2, 2.0])
    own = sight(upper)
    seen = own.of(slice(5, 8), unexchanged(3))
    away = np.array([0.01, -0.02, 0.03])
    at = own.points[5:8].reshape(3, -1, 3) + away
    equations = seen.equations(at)
    matrix = torch.tensor([[4.0, 1.0, 0.5], [1.0, 3.0, -0.2], [0.5, -0.2, 2.0]], dtype=torch.float64)
    place = torch.tensor(away, requires_grad=True)
    (0.5 * place @ matrix @ place).backward()
    np.testing.assert_allclose(equations[..., :6], np.broadcast_to(upper, (3, 17, 6)))
    assert place.grad is not None
    np.testing.assert_allclose(equations[..., 6:], np.broadcast_to(-place.grad.numpy(), (3, 17, 3)))


def test_a_point_as_far_as_the_kernel_counts_half() -> None:
    own = sight(np.array([100.0, 0, 0, 100.0, 0, 100.0]), kernel=3.0)
    seen = own.of(slice(0, 1), unexchanged(1))
    deviations = 3.0 * np.sqrt(3)  # of a point in space
    at = own.points[:1].reshape(1, -1, 3) + np.array([deviations / 10, 0, 0])
    np.testing.assert_allclose(seen.equations(at)[..., 0], 50.0)


def test_views_that_agree_are_told_from_those_that_do_not() -> None:
    own = sight(np.array([1.0, 0, 0, 1.0, 0, 1.0]))
    points = own.points.copy()
    assert views_used(own.detections, points, unexchanged(20)).all()
    points[3, 0, 4] += 0.5
    points[7, 0, 2] = np.nan
    used = views_used(own.detections, points, unexchanged(20))
    assert not used[:, 3, 0, 4].any()
    assert not used[:, 7, 0, 2].any()
    assert used.sum() == used.size - 6
