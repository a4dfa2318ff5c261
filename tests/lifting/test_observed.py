"""What a camera saw: rays belong to pixels, the mirror is a camera too, gaps are filled on straight lines."""

from collections.abc import Callable

import numpy as np
import torch

from lift3d.cameras import Camera
from lift3d.lifting.encodings.screen import ScreenSettings, encode
from lift3d.lifting.observed import Observed, filled_over_time

CAMERA = Camera.of([[900.0, 4, 610], [0, 880.0, 350], [0, 0, 1]], (-0.1, 0.02), image_size=(1280, 720))
FLIP = (0, 2, 1)


def _people(frames: int = 8, people: int = 2) -> Observed:
    pixels = torch.rand(people, frames, 3, 2) * torch.tensor([1280.0, 720.0])
    return Observed.by(CAMERA, pixels, torch.rand(people, frames, 3) + 0.01)


def test_rays_are_where_the_camera_sees_the_pixels() -> None:
    people = _people()
    points = torch.cat([people.rays, torch.ones(2, 8, 3, 1)], dim=-1).double()
    again = CAMERA.project_camera(4 * points.reshape(-1, 3)).reshape(2, 8, 3, 2)
    torch.testing.assert_close(again.float(), people.pixels, atol=2e-3, rtol=0)


def test_the_mirror_is_the_picture_of_a_mirrored_pinhole() -> None:
    people = Observed.by(CAMERA.undistorted(), _people().pixels, torch.ones(2, 8, 3))
    mirrored = people.mirrored(FLIP)
    points = torch.cat([mirrored.rays, torch.ones(2, 8, 3, 1)], dim=-1)
    torch.testing.assert_close((points @ mirrored.intrinsics.T)[..., :2], mirrored.pixels, atol=2e-3, rtol=0)
    torch.testing.assert_close(mirrored.pixels[:, :, 0, 0], 1280 - people.pixels[:, :, 0, 0])
    torch.testing.assert_close(mirrored.pixels[:, :, 1, 1], people.pixels[:, :, 2, 1])
    torch.testing.assert_close(mirrored.rays[:, :, 1, 0], -people.rays[:, :, 2, 0])
    again = mirrored.mirrored(FLIP)
    for name in ("pixels", "rays", "scores", "intrinsics"):
        torch.testing.assert_close(getattr(again, name), getattr(people, name), atol=1e-4, rtol=0)


def test_without_a_size_the_mirror_stands_at_the_principal_point() -> None:
    people = _people()
    blind = Observed(people.pixels, people.rays, people.scores, people.intrinsics, torch.full((2,), torch.nan))
    torch.testing.assert_close(blind.mirrored(FLIP).pixels[..., 0, 0], 1220 - people.pixels[..., 0, 0])
    torch.testing.assert_close(blind.mirrored(FLIP).rays, people.mirrored(FLIP).rays)


def test_gaps_are_filled_as_numpy_interpolates() -> None:
    people, frames = _people(20), np.arange(20)
    gone = torch.rand(2, 20, 3) < 0.5
    people.pixels[gone], people.rays[gone], people.scores[gone] = torch.nan, torch.nan, 0
    filled = filled_over_time(people)
    for person in range(2):
        for joint in range(3):
            known = ~gone[person, :, joint].numpy()
            for name in ("pixels", "rays"):
                for axis in range(2):
                    values = getattr(people, name)[person, :, joint, axis].numpy()
                    expected = np.interp(frames, frames[known], values[known])  # held at the ends
                    own = getattr(filled, name)[person, :, joint, axis]
                    np.testing.assert_allclose(own, expected, rtol=1e-4, atol=1e-4)
    assert torch.equal(filled.scores, people.scores)


def test_a_joint_with_score_0_is_missing_though_it_has_a_place() -> None:
    people = _people(3)
    people.scores[0, 1, 1] = 0
    expected = people.pixels[0, [0, 2], 1].mean(0)
    torch.testing.assert_close(filled_over_time(people).pixels[0, 1, 1], expected)


def test_a_joint_never_seen_is_put_amid_the_others_and_nobody_amid_the_picture() -> None:
    people = _people()
    people.pixels[0, :, 2], people.rays[0, :, 2] = torch.nan, torch.nan
    people.pixels[1], people.rays[1] = torch.nan, torch.nan
    filled = filled_over_time(people)
    torch.testing.assert_close(filled.pixels[0, :, 2], people.pixels[0, :, :2].mean(1))
    torch.testing.assert_close(filled.pixels[1, 0, 0], torch.tensor([610.0, 350.0]))
    assert filled.rays[1].abs().max() == 0


def test_complete_people_stay_as_they_are() -> None:
    people = _people()
    torch.testing.assert_close(filled_over_time(people).pixels, people.pixels)


def test_people_of_several_cameras_are_those_of_each() -> None:
    """Mirrored, filled, encoded and taken apart, people with cameras of their own are as each is alone."""
    other = Camera.of([[700.0, 0, 300], [0, 700.0, 260], [0, 0, 1]], image_size=(640, 512))
    alone = [Observed.by(camera, torch.rand(8, 3, 2) * 500, torch.ones(8, 3)) for camera in (CAMERA, other)]
    for one in alone:
        one.scores[2:4, 1] = 0
    together = Observed(
        *(torch.stack([getattr(one, name) for one in alone]) for name in ("pixels", "rays", "scores")),
        intrinsics=torch.stack([one.intrinsics for one in alone])[:, None],
        image_size=torch.stack([one.image_size for one in alone])[:, None],
    )
    steps: list[Callable[[Observed], torch.Tensor]] = [
        lambda people: people.mirrored(FLIP).pixels,
        lambda people: people.mirrored(FLIP).rays,
        lambda people: filled_over_time(people).pixels,
        lambda people: encode(filled_over_time(people), ScreenSettings()).features,
    ]
    for step in steps:
        for person, one in enumerate(alone):
            torch.testing.assert_close(step(together)[person], step(one))
            torch.testing.assert_close(step(together[person]), step(one))
            torch.testing.assert_close(step(together[:, 1:7])[person], step(one[1:7]))
