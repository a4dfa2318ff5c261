"""The encodings of published networks: their formulas, written out, and their units."""

import numpy as np
import pytest
import torch

from lift3d.cameras import Camera
from lift3d.errors import InputError
from lift3d.lifting.encodings import screen, standardised
from lift3d.lifting.encodings.screen import ScreenSettings
from lift3d.lifting.encodings.standardised import StandardisedSettings
from lift3d.lifting.observed import Observed
from lift3d.skeletons import Skeleton, get_skeleton
from lift3d.synthetic import walk

HUMAN = get_skeleton("human36m17")
CAMERA = Camera.of([[1145.0, 0, 512], [0, 1144.0, 515], [0, 0, 1]], (-0.2, 0.24), image_size=(1000, 1002))


def _people() -> Observed:
    return Observed.by(CAMERA, torch.rand(4, 17, 2) * 1000, torch.rand(4, 17) + 0.01)


def test_the_screen_runs_from_minus_one_to_one_across() -> None:
    corners = torch.tensor([[0.0, 0.0], [1000.0, 1002.0], [500.0, 501.0]])
    features = screen.encode(Observed.by(CAMERA, corners, torch.ones(3)), ScreenSettings()).features
    expected = torch.tensor([-1.0, -1.002, 1.0, 1.002, 0.0, 0.0])
    torch.testing.assert_close(features, expected, atol=1e-6, rtol=0)


def test_the_screen_is_the_distorted_picture_and_scores_follow() -> None:
    people = _people()
    plain = screen.encode(people, ScreenSettings()).features.unflatten(-1, (17, 2))
    numbers = people.pixels.numpy().astype(np.float64)
    expected = np.stack([2 * numbers[..., 0] / 1000 - 1, 2 * numbers[..., 1] / 1000 - 1002 / 1000], -1)
    np.testing.assert_allclose(plain.numpy(), expected, atol=1e-6)
    scored = screen.encode(people, ScreenSettings(with_scores=True)).features.unflatten(-1, (17, 3))
    torch.testing.assert_close(scored[..., :2], plain)
    torch.testing.assert_close(scored[..., 2], people.scores)


def test_metres_stay_metres_and_the_root_comes_to_the_origin() -> None:
    pose = torch.randn(3, 17, 3)
    answer = screen.decode(pose.flatten(1), screen.encode(_people()[:3], ScreenSettings()), HUMAN, ScreenSettings())
    torch.testing.assert_close(answer.relative, pose - pose[:, :1])
    assert answer.covariance is None


def test_screen_units_become_metres_by_the_persons_height() -> None:
    """Whatever the scale, a person of the shape comes back with the limbs of the stated height; the shape is kept."""
    settings = ScreenSettings(with_scores=True, answer="screen", height=1.8)
    pose = walk(3).positions[:, 0].float()
    pose = pose - pose[:, :1]
    for scale in (0.05, 0.3):
        answer = screen.decode((scale * pose + 7).flatten(1), screen.encode(_people()[:3], settings), HUMAN, settings)
        factor = answer.relative.norm() / pose.norm()
        torch.testing.assert_close(answer.relative, factor * pose, atol=1e-3, rtol=0)
        limbs = [("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")]
        upper, lower = ([HUMAN.index(f"{s}_{ends[i]}") for s in ("left", "right") for ends in limbs] for i in (0, 1))
        total = (answer.relative[:, upper] - answer.relative[:, lower]).norm(dim=-1).sum(-1)
        torch.testing.assert_close(total, torch.full((3,), 2 * 1.8 * (0.245 + 0.246 + 0.186 + 0.146)))


def test_a_skeleton_without_limbs_has_no_size() -> None:
    settings, dots = ScreenSettings(answer="screen"), Skeleton("dots", ("a", "b"), (-1, 0))
    with pytest.raises(InputError, match="dots has no arms and legs"):
        screen.decode(torch.zeros(1, 6), screen.encode(_people()[:1], settings), dots, settings)
    with pytest.raises(InputError, match="expected 'metres' or 'screen'"):
        ScreenSettings(answer="pixels")


def test_standardised_is_less_the_mean_over_the_deviation() -> None:
    random = np.random.default_rng(0)
    mean, std, mean_3d, std_3d = (random.uniform(1, 9, n) for n in (34, 34, 48, 48))
    settings = StandardisedSettings(tuple(mean), tuple(std), tuple(mean_3d), tuple(std_3d))
    people, outputs = _people(), torch.randn(4, 48)
    features = standardised.encode(people, settings).features
    np.testing.assert_allclose(features, (people.pixels.numpy().reshape(4, 34) - mean) / std, rtol=1e-5)
    answer = standardised.decode(outputs, standardised.encode(people, settings), HUMAN, settings)
    millimetres = (outputs.numpy() * std_3d + mean_3d).reshape(4, 16, 3)
    np.testing.assert_allclose(1000 * answer.relative[:, 1:].numpy(), millimetres, rtol=1e-5)
    assert answer.relative[:, 0].abs().max() == 0


def test_another_camera_can_be_made_to_see_as_the_training_cameras_did() -> None:
    """The same rays through a lens of another kind give the features of the training camera without its lens."""
    flat = {"mean_2d": (0.0,) * 34, "std_2d": (1.0,) * 34, "mean_3d": (), "std_3d": ()}
    own = StandardisedSettings(**flat, focal_px=1145.0, centre_px=(512.0, 515.0))
    world = torch.randn(17, 3, dtype=torch.float64) * 0.5 + torch.tensor([0.0, 0.0, 5.0], dtype=torch.float64)
    other = Camera.of([[700.0, 0, 300], [0, 720.0, 200], [0, 0, 1]], (0.05, -0.01), image_size=(640, 480))
    seen = Observed.by(other, other.project_camera(world)[None], torch.ones(1, 17))
    expected = 1145.0 * (world[:, :2] / world[:, 2:]) + torch.tensor([512.0, 515.0])
    torch.testing.assert_close(
        standardised.encode(seen, own).features[0].double(), expected.flatten(), atol=2e-3, rtol=0
    )


def test_statistics_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="mean_3d has 3 numbers and std_3d 2"):
        StandardisedSettings((0.0, 0.0), (1.0, 1.0), (0.0,) * 3, (1.0,) * 2)
    with pytest.raises(InputError, match="deviations above 0"):
        StandardisedSettings((0.0, 0.0), (1.0, 0.0), (), ())
