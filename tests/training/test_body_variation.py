"""Bodies vary without losing what makes them bodies."""

import pytest
import torch
from torch import Generator

from lift3d import get_skeleton
from lift3d.skeletons.joint_limits import plausible
from lift3d.synthetic import walk
from lift3d.training.body_variation import BodySettings, vary_bodies

SKELETON = get_skeleton("human36m17")
SAME = {"body_scale": 0.0, "bone_scale": 0.0, "mirror": 0.0, "tilt_deg": 0.0}
ARMS = SKELETON.indices("left_elbow", "left_wrist", "right_elbow", "right_wrist")
LEGS = SKELETON.indices("left_knee", "left_ankle", "right_knee", "right_ankle")
LEFT, RIGHT = SKELETON.indices("left_wrist", "right_wrist")


def _people(count: int = 20, frames: int = 6) -> torch.Tensor:
    return torch.stack([walk(frames=frames, seed=seed).positions[:, 0].float() for seed in range(count)])


def _bones(people: torch.Tensor) -> torch.Tensor:
    parents, children = (list(ends) for ends in zip(*SKELETON.bones, strict=True))
    return people[..., children, :] - people[..., parents, :]


def _varied(people: torch.Tensor, seed: int = 4, **settings: float) -> torch.Tensor:
    return vary_bodies(people, SKELETON, BodySettings(**{**SAME, **settings}), Generator().manual_seed(seed))


def test_nothing_varies_where_nothing_is_to() -> None:
    people = _people()
    torch.testing.assert_close(_varied(people), people, atol=1e-5, rtol=0)


def test_bones_are_scaled_alike_on_both_sides_and_in_all_frames() -> None:
    people = _people()
    before, after = _bones(people), _bones(_varied(people, body_scale=0.1, bone_scale=0.1))
    factors = after.norm(dim=-1) / before.norm(dim=-1)
    torch.testing.assert_close(after / factors[..., None], before, atol=1e-4, rtol=0)
    bones = [child for _, child in SKELETON.bones]
    twin = [bones.index(SKELETON.flip_order[child]) for child in bones]
    torch.testing.assert_close(factors, factors[..., twin], atol=1e-4, rtol=0)
    torch.testing.assert_close(factors, factors[:, :1].expand_as(factors), atol=1e-4, rtol=0)
    assert factors[:, 0].std(0).min() > 0.02


def test_joints_of_the_trunk_are_placed_elsewhere_alike_in_all_frames_and_mirrored() -> None:
    people = _people(400)
    added = _bones(_varied(people, placement_m=0.02)) - _bones(people)
    children = [child for _, child in SKELETON.bones]
    limbs = [children.index(joint) for joint in ARMS + LEGS]
    torch.testing.assert_close(added[:, :, limbs], torch.zeros_like(added[:, :, limbs]), atol=1e-4, rtol=0)
    for left, right, top, bottom in (
        ("left_hip", "right_hip", ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip")),
        ("left_shoulder", "right_shoulder", ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip")),
    ):
        ends = people[:, :, SKELETON.indices(left, right)]
        x = torch.nn.functional.normalize(ends[:, :, 0] - ends[:, :, 1], dim=-1)
        up = people[:, :, SKELETON.indices(*top)].mean(2) - people[:, :, SKELETON.indices(*bottom)].mean(2)
        y = torch.nn.functional.normalize(torch.linalg.cross(up, x), dim=-1)
        frame = torch.stack([x, y, torch.linalg.cross(x, y)], dim=-1)
        ours, theirs = ((added[:, :, children.index(joint), None] @ frame)[:, :, 0]
                        for joint in SKELETON.indices(left, right))  # fmt: skip
        torch.testing.assert_close(ours, theirs * torch.tensor([-1.0, 1, 1]), atol=1e-4, rtol=0)
        torch.testing.assert_close(ours, ours[:, :1].expand_as(ours), atol=1e-4, rtol=0)
        torch.testing.assert_close(ours[:, 0].std(0), torch.full((3,), 0.02), atol=0.003, rtol=0)


def test_a_share_of_people_keeps_its_proportions() -> None:
    people = _people(400)
    proportions = {"body_scale": 0.05, "bone_scale": 0.05, "placement_m": 0.02}
    differs = (_varied(people, varied=0.3, **proportions) - people).norm(dim=-1).amax(dim=(1, 2))
    kept = differs < 1e-5
    assert kept.float().mean().item() == pytest.approx(0.7, abs=0.06)
    assert differs[~kept].min() > 0.01


def test_borrowed_bones_have_the_lengths_of_someone_in_the_batch() -> None:
    people = _people()
    people = people * torch.linspace(0.8, 1.2, len(people))[:, None, None, None]
    before, after = _bones(people)[:, 0].norm(dim=-1), _bones(_varied(people, borrowed=1.0))[:, 0].norm(dim=-1)
    nearest = torch.cdist(after, before).min(-1)
    assert nearest.values.max() < 1e-3
    assert len(set(nearest.indices.tolist())) == len(people)


def test_recombined_limbs_keep_their_lengths_and_move_with_the_trunk() -> None:
    people = _people()
    mixed = _varied(people, recombined=1.0)
    trunk = SKELETON.indices("pelvis", "spine", "left_hip", "right_shoulder", "head")
    torch.testing.assert_close(mixed[:, :, trunk], people[:, :, trunk], atol=1e-4, rtol=0)
    moved = ((mixed - people)[:, :, LEFT].norm(dim=-1) > 1e-4).any(-1)
    assert 0.25 < moved.float().mean() < 0.75
    lengths = _bones(mixed).norm(dim=-1)
    torch.testing.assert_close(lengths, lengths[:, :1].expand_as(lengths), atol=2e-2, rtol=0)


def test_recombining_turns_with_the_person() -> None:
    """Limbs are taken as they lie in the trunk's frame: turning everyone turns the result."""
    people = _people()
    angle = torch.tensor(0.7)
    turn = torch.tensor([[angle.cos(), -angle.sin(), 0], [angle.sin(), angle.cos(), 0], [0, 0, 1]])
    for_all = _varied(people @ turn.T, recombined=1.0)
    torch.testing.assert_close(for_all, _varied(people, recombined=1.0) @ turn.T, atol=1e-4, rtol=0)


def test_the_mirror_exchanges_the_sides_and_mirrors_the_way() -> None:
    people = _people()
    mirrored = _varied(people, mirror=1.0)
    torch.testing.assert_close(mirrored[:, :, LEFT], people[:, :, RIGHT] * torch.tensor([-1.0, 1.0, 1.0]))


@pytest.mark.parametrize(("settings", "least"), [({"tilt_deg": 20.0}, 0.1), ({"lying": 1.0}, 0.8)])
def test_tilting_is_a_rotation_about_the_root_alike_in_all_frames(settings: dict[str, float], least: float) -> None:
    people = _people()
    tilted = _varied(people, **settings)
    torch.testing.assert_close(tilted[:, :, SKELETON.root], people[:, :, SKELETON.root])
    before, after = (values - values[:, :, :1] for values in (people, tilted))
    turn = torch.linalg.lstsq(before.flatten(1, 2), after.flatten(1, 2)).solution.mT
    torch.testing.assert_close(turn @ turn.mT, torch.eye(3).expand_as(turn), atol=1e-3, rtol=0)
    torch.testing.assert_close(before @ turn.mT[:, None], after, atol=1e-3, rtol=0)
    assert turn[:, 2, 2].arccos().std() > 0.5 * least


def test_bent_limbs_keep_their_lengths_and_stay_possible() -> None:
    people = _people(200)
    assert plausible(people, SKELETON).all()
    for degrees in (5.0, 40.0):
        bent = _varied(people, bent=degrees)
        torch.testing.assert_close(_bones(bent).norm(dim=-1), _bones(people).norm(dim=-1), atol=1e-4, rtol=0)
        assert plausible(bent, SKELETON).all()
        rest = [joint for joint in range(17) if SKELETON.joints[joint] not in ("neck_nose", "head")]
        rest = [joint for joint in rest if joint not in ARMS + LEGS]
        torch.testing.assert_close(bent[:, :, rest], people[:, :, rest], atol=1e-4, rtol=0)
        moved = ((bent - people).norm(dim=-1) > 1e-3).all(1).float().mean(0)
        assert moved[ARMS + LEGS].min() > (0.9 if degrees == 5 else 0.1)
        assert moved[ARMS + LEGS].max() < (1.001 if degrees == 5 else 0.95)


def test_limbs_bend_by_their_degrees_and_alike_in_all_frames_as_seen_from_the_trunk() -> None:
    people = _people(400)
    bent = _varied(people, bent=3.0)
    thigh = SKELETON.indices("left_hip", "left_knee")
    before, after = (values[:, :, thigh[1]] - values[:, :, thigh[0]] for values in (people, bent))
    sine = torch.linalg.cross(before, after).norm(dim=-1) / (before.norm(dim=-1) * after.norm(dim=-1))
    assert sine.asin().rad2deg().square().mean().sqrt().item() == pytest.approx(3 * 2**0.5, rel=0.1)  # of two axes
    hips, shoulders = (
        people[:, :, SKELETON.indices(f"left_{joint}", f"right_{joint}")] for joint in ("hip", "shoulder")
    )
    x = torch.nn.functional.normalize(hips[:, :, 0] - hips[:, :, 1], dim=-1)
    y = torch.nn.functional.normalize(torch.linalg.cross(shoulders.mean(2) - hips.mean(2), x), dim=-1)
    seen = torch.stack([x, y, torch.linalg.cross(x, y)], dim=-1)
    # the turn of a bone, in the trunk's axes, is one rotation for all frames: it keeps the angles between frames
    first, second = ((bone[:, :, None] @ seen)[:, :, 0] for bone in (before, after))
    torch.testing.assert_close(second @ second.mT, first @ first.mT, atol=1e-5, rtol=0)


def test_bending_turns_with_the_person() -> None:
    people = _people()
    turn = torch.linalg.qr(torch.randn(3, 3, generator=Generator().manual_seed(0))).Q
    turn = turn * torch.linalg.det(turn)
    torch.testing.assert_close(
        _varied(people @ turn.T, bent=10.0), _varied(people, bent=10.0) @ turn.T, atol=1e-3, rtol=0
    )
