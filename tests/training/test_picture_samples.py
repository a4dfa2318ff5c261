"""What a network is shown and told fits together: labels lie on what they mark, however the look is."""

import pytest
import torch
from torch import Generator, Tensor

from lift3d.datasets.labelled_pictures import LabelledPeople, LabelledPictures
from lift3d.skeletons import Skeleton, get_skeleton
from lift3d.training.augmentation import AugmentationSettings
from lift3d.training.picture_samples import PictureSamples, PictureSet

COCO, HUMAN = get_skeleton("coco17"), get_skeleton("human36m17")
PLAIN = AugmentationSettings(scale=0.0, turned=0.0, mirror=0.0, half_body=0.0)
SIZE = (96, 128)
BLOT = 4  # pixels on either side of a joint


def _pixels(people: int = 3) -> Tensor:
    """Joints far enough apart for their blots, in pictures of 200 x 160; they differ from person to person."""
    joint = torch.arange(17.0)
    own = torch.stack([30 + 30 * (joint % 5), 25 + 30 * (joint // 5)], dim=-1)
    return torch.stack([own + 2.0 * person for person in range(people)])


def _pictures(skeleton: Skeleton = COCO, joints_3d: Tensor | None = None, seed: int = 0) -> LabelledPictures:
    """One picture a person; each joint in a colour of its own."""
    pixels = _pixels()
    pixels[0, 3] = torch.nan

    def pull(picture: int) -> Tensor:
        rgb = torch.zeros(160, 200, 3, dtype=torch.uint8)
        for joint, (x, y) in enumerate(_pixels()[picture].int().tolist()):
            rgb[y - BLOT : y + BLOT + 1, x - BLOT : x + BLOT + 1] = torch.tensor([10 * joint + 20, 100 + seed, 200])
        return rgb

    boxes = torch.tensor([[15.0, 10.0, 150.0, 130.0]]).expand(3, 4)
    people = LabelledPeople.of(torch.arange(3), boxes, pixels, joints_3d=joints_3d)
    return LabelledPictures(skeleton, people, ["a", "b", "c"], pull)


def _samples(*sets: PictureSet, held: LabelledPictures | None = None, skeleton: Skeleton = COCO,
             augmentation: AugmentationSettings = PLAIN) -> PictureSamples:  # fmt: skip
    return PictureSamples(sets or [PictureSet(_pictures())], held, skeleton, SIZE, 1.25, augmentation)


@pytest.mark.parametrize("mirror", [0.0, 1.0])
def test_labels_lie_on_the_joints_that_they_name(mirror: float) -> None:
    """Mirrored, the left wrist is where the right one was: its label has the other one's colour."""
    settings = AugmentationSettings(scale=0.2, turned=1.0, turn_deg=30.0, mirror=mirror, half_body=0.3)
    samples = _samples(augmentation=settings).draw(60, Generator().manual_seed(0))
    assert samples.crops.shape == (60, 3, 128, 96)
    checked = 0
    order = COCO.flip_order if mirror else tuple(range(17))
    for crop, places, weights in zip(samples.crops, samples.places, samples.weights, strict=True):
        for joint in weights.nonzero().flatten().tolist():
            x, y = places[joint, :2].round().int().clamp(torch.tensor(0), torch.tensor([95, 127])).tolist()
            red = int(crop[0, y, x])
            if 2 <= x < 94 and 2 <= y < 126:
                assert red == pytest.approx(10 * order[joint] + 20, abs=2)
                checked += 1
    assert checked > 500


def test_what_is_not_labelled_or_outside_does_not_count() -> None:
    drawn = _samples(augmentation=AugmentationSettings(scale=0.0, turned=0.0, mirror=0.0, half_body=0.0, shift=0.3))
    samples = drawn.draw(200, Generator().manual_seed(0))
    x, y = samples.places[..., 0], samples.places[..., 1]
    inside = (x >= -0.5) & (x <= 95.5) & (y >= -0.5) & (y <= 127.5)
    assert ((samples.weights > 0) == inside).all()
    assert samples.places[..., :2].isnan().any(-1).sum() == samples.places[:, 3, :2].isnan().any(-1).sum() > 20
    assert 0.5 < samples.weights.mean() < 0.95


@pytest.mark.parametrize("turn", [0.0, 25.0])
def test_depth_is_in_the_same_scale_as_the_picture(turn: float) -> None:
    """Of a distant camera, joints relative to the root are those in 3D, but for one factor and the turn."""
    generator = Generator().manual_seed(3)
    joints = torch.cat([(_pixels() - 100) / 125.0, torch.randn(3, 17, 1, generator=generator)], dim=-1)
    settings = AugmentationSettings(scale=0.3, turned=1.0, turn_deg=turn, mirror=0.0, half_body=0.0)
    samples = _samples(PictureSet(_pictures(HUMAN, joints)), skeleton=HUMAN, augmentation=settings)
    drawn = samples.draw(20, generator)
    assert not drawn.places[..., 2].isnan().any()
    for places in drawn.places:
        if places.isnan().any():
            continue
        own = places - places[:1]
        depths = [joints[person, :, 2] - joints[person, 0, 2] for person in range(3)]
        true = min(depths, key=lambda depth: (depth / depth.norm() - own[:, 2] / own[:, 2].norm()).norm().item())
        factor = own[:, 2] @ true / (true @ true)
        torch.testing.assert_close(own[:, 2], factor * true, atol=1e-2, rtol=0)
        apart = own[5, :2].norm() / ((_pixels()[0, 5] - _pixels()[0, 0]).norm() / 125)  # pixels to a metre
        torch.testing.assert_close(factor, apart, atol=0.2, rtol=0)


def test_other_joints_are_mapped_and_guesses_do_not_count() -> None:
    samples = _samples(skeleton=HUMAN).draw(4, Generator().manual_seed(0))
    known = [HUMAN.joints[joint] for joint in samples.weights.amax(0).nonzero().flatten().tolist()]
    assert {"left_wrist", "right_knee", "left_hip"} <= set(known)
    assert not {"pelvis", "spine", "thorax", "head"} & set(known)
    assert samples.places.shape == (4, 17, 3)


def test_sets_are_drawn_by_their_shares_and_the_same_each_time() -> None:
    sets = [PictureSet(_pictures(seed=0), 3.0), PictureSet(_pictures(seed=50), 1.0)]
    drawn = [_samples(*sets).draw(400, Generator().manual_seed(5)) for _ in range(2)]
    assert (drawn[0].crops == drawn[1].crops).all()
    torch.testing.assert_close(drawn[0].places, drawn[1].places, equal_nan=True)
    second = drawn[0].crops[:, 1].flatten(1).amax(1) > 120
    assert second.float().mean().item() == pytest.approx(0.25, abs=0.06)


def test_those_held_out_are_seen_plainly_and_in_order() -> None:
    held = list(_samples(held=_pictures()).held(10, at_once=2))
    assert [len(part.crops) for part in held] == [2, 1]
    plain = _samples().draw(30, Generator().manual_seed(0))
    for crop in torch.cat([part.crops for part in held]):
        assert (plain.crops == crop).flatten(1).all(1).any()
    assert list(_samples().held(10)) == []
