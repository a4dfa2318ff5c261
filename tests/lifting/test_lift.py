"""Lifting as a step: any network, any encoding, any length; what it depends on and what it does not."""

from dataclasses import replace

import pytest
import torch
from tiny_networks import HUMAN, SIXTEEN, STATISTICS, Attention, Convolution, OneFrame, lifter

from lift3d.cameras import Camera
from lift3d.checkpoints import load_network
from lift3d.errors import InputError, UnknownNameError
from lift3d.keypoints import Keypoints2D
from lift3d.lifting import lift, sequences
from lift3d.poses import Poses3D
from lift3d.synthetic import observe, ring_rig, walk

RIG = ring_rig(cameras=2)
CAMERA = RIG["cam0"]
UNSURE = {"name": "turned_rays", "uncertainty": True}
MOVING = {"name": "turned_rays", "temporal": True, "uncertainty": True}
SCREEN = {"name": "screen"}
IN_SCREEN_UNITS = {"name": "screen", "with_scores": True, "answer": "screen"}
EVERY_KIND = [
    pytest.param(lifter(OneFrame), id="one frame"),
    pytest.param(lifter(OneFrame, UNSURE), id="one frame, unsure"),
    pytest.param(lifter(OneFrame, STATISTICS, HUMAN, SIXTEEN), id="Martinez"),
    pytest.param(lifter(Convolution, UNSURE), id="convolution"),
    pytest.param(lifter(Convolution, MOVING), id="convolution that sees motion"),
    pytest.param(lifter(Convolution, SCREEN), id="VideoPose3D"),
    pytest.param(lifter(Convolution, before=6, after=0), id="causal"),
    pytest.param(lifter(Attention, IN_SCREEN_UNITS), id="MotionBERT"),
    pytest.param(lifter(Attention, MOVING), id="attention that sees motion"),
]


def _seen(frames: int = 40, people: int = 1, missing: float = 0.0) -> Keypoints2D:
    return observe(walk(frames, people=people), RIG, noise_px=1.0, missing=missing).only(["cam0"])


def _same(one: Poses3D, other: Poses3D, atol: float = 2e-4) -> None:
    torch.testing.assert_close(one.positions, other.positions, atol=atol, rtol=0, equal_nan=True)
    assert (one.covariance is None) == (other.covariance is None)
    if one.covariance is not None and other.covariance is not None:
        torch.testing.assert_close(one.covariance, other.covariance, atol=atol, rtol=1e-4, equal_nan=True)


@pytest.mark.parametrize("model", EVERY_KIND)
def test_every_kind_lifts_every_frame(model) -> None:
    seen = _seen(people=2, missing=0.1)
    poses = lift(seen, CAMERA, model)
    assert poses.positions.shape == (40, 2, 17, 3)
    assert poses.positions.isfinite().all()
    assert (poses.frame, poses.up, poses.skeleton) == ("camera", "-y", HUMAN)
    assert not poses.positions.is_inference()
    filled = poses.scores == 0
    assert torch.equal(filled, seen.mapped_to(HUMAN).scores[0] == 0)
    assert (poses.covariance is None) == ("uncertainty" not in model.encoding)
    if poses.covariance is not None:
        assert poses.covariance[:, :, 0].abs().max() == 0
        assert torch.linalg.eigvalsh(poses.covariance[:, :, 1:]).min() > 0


@pytest.mark.parametrize("model", EVERY_KIND)
def test_the_picture_of_the_mirrored_world_gives_the_mirrored_people(model) -> None:
    """Only with the flip: a network of random weights knows no symmetry. Mirrored twice is the same."""
    pinhole = Camera.of([[800.0, 0, 640], [0, 800.0, 360], [0, 0, 1]], image_size=(1280, 720))
    seen = _seen()
    mirrored = seen.pixels[:, :, :, list(HUMAN.flip_order)] * torch.tensor([-1.0, 1.0]) + torch.tensor([1280.0, 0])
    scores = seen.scores[:, :, :, list(HUMAN.flip_order)]
    poses, other = lift(seen, pinhole, model), lift(replace(seen, pixels=mirrored, scores=scores), pinhole, model)
    back = other.positions[:, :, list(HUMAN.flip_order)] * torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(poses.positions, back, atol=2e-4, rtol=0)
    assert (lift(seen, pinhole, model, flip=False).positions - poses.positions).abs().max() > 1e-2
    if poses.covariance is not None and other.covariance is not None:
        sign = torch.tensor([-1.0, 1.0, 1.0])
        back = other.covariance[:, :, list(HUMAN.flip_order)] * sign[:, None] * sign
        torch.testing.assert_close(poses.covariance, back, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("model", EVERY_KIND)
def test_the_size_of_the_batches_changes_nothing(model, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = _seen(people=2)
    whole = lift(seen, CAMERA, model)
    monkeypatch.setattr(sequences, "_FRAMES_AT_ONCE", 7)
    _same(whole, lift(seen, CAMERA, model))


@pytest.mark.parametrize("model", EVERY_KIND)
def test_people_do_not_see_each_other(model) -> None:
    seen = _seen(people=2)
    second = replace(seen, pixels=seen.pixels[:, :, 1:], scores=seen.scores[:, :, 1:])
    together, alone = lift(seen, CAMERA, model), lift(second, CAMERA, model)
    torch.testing.assert_close(together.positions[:, 1:], alone.positions, atol=2e-4, rtol=0)


@pytest.mark.parametrize("model", EVERY_KIND)
def test_nothing_crosses_a_jump_in_time(model) -> None:
    seen = _seen(frames=40)
    times = seen.times.clone()
    times[25:] += 10
    poses = lift(replace(seen, times=times), CAMERA, model)
    first, second = (lift(seen.between(*part), CAMERA, model) for part in ((0, 25), (25, 40)))
    torch.testing.assert_close(poses.positions, torch.cat([first.positions, second.positions]), atol=2e-4, rtol=0)
    assert torch.equal(poses.times, times)
    if model.name != "OneFrame":
        assert (poses.positions - lift(seen, CAMERA, model).positions).abs().max() > 1e-3


@pytest.mark.parametrize("encoding", [{"name": "turned_rays"}, UNSURE, MOVING, SCREEN])
def test_a_convolution_sees_its_own_frames_and_the_end_frames_repeatedly(encoding: dict) -> None:
    """Frame by frame, each with a window of its own, is what the network run over all of them says."""
    model, seen = lifter(Convolution, encoding, before=4, after=2), _seen(frames=20)
    poses = lift(seen, CAMERA, model, flip=False)
    for frame in (0, 3, 10, 18, 19):
        window = [min(max(i, 0), 19) for i in range(frame - 4, frame + 3)]
        part = replace(seen, pixels=seen.pixels[:, window], scores=seen.scores[:, window], times=seen.times[:7])
        alone = lift(part, CAMERA, model, flip=False)
        torch.testing.assert_close(poses.positions[frame], alone.positions[4], atol=2e-4, rtol=0)


def test_windows_are_blended_linearly() -> None:
    """12 frames at once over 18: two windows 6 apart; where both answer, the nearer to its middle weighs more."""
    model = lifter(Attention)
    seen = _seen(frames=18)
    first, second = (lift(seen.between(*part), CAMERA, model).root_relative() for part in ((0, 12), (6, 18)))
    poses = lift(seen, CAMERA, model).root_relative().positions
    for frame in range(18):
        left = min(frame + 1, 12 - frame) if frame < 12 else 0
        right = min(frame - 5, 18 - frame) if frame >= 6 else 0
        one = first.positions[frame] if left else torch.zeros(1, 17, 3)
        other = second.positions[frame - 6] if right else torch.zeros(1, 17, 3)
        expected = (left * one + right * other) / (left + right)
        torch.testing.assert_close(poses[frame], expected, atol=1e-5, rtol=0)


def test_joints_in_and_out_are_those_asked_for() -> None:
    coco = observe(walk(6, skeleton="coco17"), RIG).only(["cam0"])
    poses = lift(coco, CAMERA, lifter(), skeleton="coco17")
    assert poses.skeleton.name == "coco17"
    own = lift(coco, CAMERA, lifter())
    assert own.skeleton == HUMAN
    knee = poses.positions[:, :, poses.skeleton.index("left_knee")]
    torch.testing.assert_close(knee, own.positions[:, :, HUMAN.index("left_knee")])
    with pytest.raises(UnknownNameError, match=r"coco18"):
        lift(coco, CAMERA, lifter(), skeleton="coco18")


def test_the_shipped_lifter_puts_people_near_where_they_are() -> None:
    truth = walk(10)
    seen = observe(truth, RIG).only(["cam0"])
    poses = lift(seen, CAMERA, load_network("residual_mlp_cmu17")).to_world(CAMERA)
    assert (poses.positions - truth.positions).norm(dim=-1).mean() < 0.4
    projected = CAMERA.project(poses.positions.double().reshape(-1, 3)).reshape(10, 1, 17, 2)
    assert (projected - seen.pixels[0]).norm(dim=-1).median() < 12


def test_nobody_and_no_frames() -> None:
    seen = _seen(frames=6)
    for model in (lifter(), lifter(Convolution, SCREEN), lifter(Attention, MOVING)):
        nobody = replace(seen, pixels=seen.pixels * torch.nan, scores=seen.scores * 0)
        assert lift(nobody, CAMERA, model).positions.isnan().all()
        assert lift(seen.between(0, 0), CAMERA, model).positions.shape == (0, 1, 17, 3)
        none = replace(seen, pixels=seen.pixels[:, :, :0], scores=seen.scores[:, :, :0])
        assert lift(none, CAMERA, model).positions.shape == (6, 0, 17, 3)


def test_an_empty_encoding_is_lift3ds_own() -> None:
    model = lifter()
    _same(lift(_seen(5), CAMERA, replace(model, encoding={})), lift(_seen(5), CAMERA, model))


def test_wrong_input_is_said_in_one_line() -> None:
    two = observe(walk(3), RIG)
    with pytest.raises(InputError, match=r"one camera; got 2"):
        lift(two, CAMERA, lifter())
    blind = replace(two.only(["cam0"]), image_sizes=torch.full((1, 2), torch.nan))
    with pytest.raises(InputError, match=r"neither. Pass camera="):
        lift(blind, None, lifter())
    sizeless = replace(CAMERA, image_size=CAMERA.image_size * torch.nan)
    with pytest.raises(InputError, match=r"image size. Add it to the calibration"):
        lift(blind, sizeless, lifter(Convolution, SCREEN))
    with pytest.raises(InputError, match=r"network has None inputs.*checkpoint of a lifter"):
        lift(two.only(["cam0"]), CAMERA, "movenet_thunder")
    with pytest.raises(InputError, match=r"No encoding named 'turned'. Did you mean 'turned_rays'"):
        lift(two.only(["cam0"]), CAMERA, replace(lifter(), encoding={"name": "turned"}))
    with pytest.raises(InputError, match=r"49 outputs; the encoding 'turned_rays'.*needs 81"):
        lift(two.only(["cam0"]), CAMERA, replace(lifter(), encoding=UNSURE))
    with pytest.raises(InputError, match=r"both must be the same joints"):
        lift(two.only(["cam0"]), CAMERA, lifter(OneFrame, None, HUMAN, SIXTEEN))


GUESSED = ("pelvis", "spine", "thorax", "neck_nose", "head")  # of COCO's joints on human36m17


@pytest.mark.parametrize("kind", [OneFrame, Convolution])
def test_joints_that_would_be_guessed_are_left_to_the_network(kind) -> None:
    """Where it handles missing joints; a guess keeps its score, and does not say where the person stands."""
    coco = observe(walk(8, skeleton="coco17"), RIG, noise_px=1.0).only(["cam0"])
    own = coco.mapped_to(HUMAN)
    gone = HUMAN.indices(*GUESSED)
    pixels, scores = own.pixels.clone(), own.scores.clone()
    pixels[..., gone, :], scores[..., gone] = torch.nan, 0.0
    poses = lift(coco, CAMERA, lifter(kind))
    expected = lift(replace(own, pixels=pixels, scores=scores), CAMERA, lifter(kind))
    torch.testing.assert_close(poses.positions, expected.positions, atol=1e-6, rtol=0)
    torch.testing.assert_close(poses.scores, own.scores[0], check_dtype=False)
    assert (poses.scores > 0).all()
    assert (lift(own, CAMERA, lifter(kind)).positions - poses.positions).abs().max() > 1e-2  # guesses that are given


def test_guessed_joints_are_given_to_a_network_that_needs_all() -> None:
    coco = observe(walk(8, skeleton="coco17"), RIG, noise_px=1.0).only(["cam0"])
    model = lifter(Convolution, SCREEN)
    poses, expected = lift(coco, CAMERA, model), lift(coco.mapped_to(HUMAN), CAMERA, model)
    assert torch.equal(poses.positions, expected.positions)
