"""Triangulation over time: real motion is not flattened, gaps are filled by the rule, clips and people are apart."""

import importlib
import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from lift3d import CameraRig, Keypoints2D, Poses3D, get_skeleton, triangulate
from lift3d.errors import InputError
from lift3d.synthetic import observe, ring_rig, walk
from lift3d.triangulation import SmoothingSettings, TriangulationSettings, temporal, triangulate_in_detail

RATE = 60.0
RIG = ring_rig(cameras=4)
H36M = get_skeleton("human36m17")
WITHOUT_BONES = TriangulationSettings(smoothing=SmoothingSettings(bones=False))
NOISE_PX = 1.0  # about 5 mm in a triangulated point of this rig


def standing(frames: int) -> torch.Tensor:
    """Positions of a person who stands still."""
    return walk(frames=1, fps=RATE).positions.repeat(frames, 1, 1, 1)


def jump(height: float) -> tuple[Poses3D, np.ndarray]:
    """Still, then a flight that starts and ends within a frame, then still; and the height at each time."""
    speed, gravity = math.sqrt(2 * 9.81 * height), 9.81
    flight = 2 * speed / gravity
    times = np.arange(int((3 + flight) * RATE)) / RATE - 1.5
    rise = np.where((times > 0) & (times < flight), speed * times - gravity * times**2 / 2, 0.0)
    positions = standing(len(times))
    positions[..., 2] += torch.from_numpy(rise)[:, None, None]
    return Poses3D.of(positions, skeleton=H36M, fps=RATE), rise


def kick(peak: float) -> Poses3D:
    """Still, then the left leg swings by 1.6 radians about its hip, at up to ``peak`` radians a second, then still."""
    seconds = 2 * 1.6 / peak
    part = np.clip((np.arange(int((3 + seconds) * RATE)) / RATE - 1.5) / seconds, 0, 1)
    angle = torch.from_numpy(1.6 * (part - np.sin(2 * np.pi * part) / (2 * np.pi)))
    positions = standing(len(part))
    hip = positions[:, 0, H36M.index("left_hip")]
    for name in ("left_knee", "left_ankle"):
        x, y, z = (positions[:, 0, H36M.index(name)] - hip).T
        turned = torch.stack([angle.cos() * x - angle.sin() * z, y, angle.sin() * x + angle.cos() * z], dim=-1)
        positions[:, 0, H36M.index(name)] = hip + turned
    return Poses3D.of(positions, skeleton=H36M, fps=RATE)


def errors(found: Poses3D, truth: Poses3D) -> torch.Tensor:
    """Distances (frames, people, joints), metres."""
    return (found.positions - truth.positions).norm(dim=-1)


def hidden(keypoints: Keypoints2D, cameras: object, frames: object, person: int, joint: int | slice) -> Keypoints2D:
    """The detections without those of a joint in some cameras and frames."""
    scores, pixels = keypoints.scores.clone(), keypoints.pixels.clone()
    for camera in range(4) if cameras == "all" else cameras:  # type: ignore[attr-defined]
        scores[camera, frames, person, joint] = 0
        pixels[camera, frames, person, joint] = torch.nan
    return replace(keypoints, scores=scores, pixels=pixels)


def crossing(heights: np.ndarray, level: float) -> float:
    """Frame, with its fraction, at which heights fall through a level for the last time."""
    last = np.nonzero((heights[:-1] > level) & (heights[1:] <= level))[0][-1]
    return last + (heights[last] - level) / (heights[last] - heights[last + 1])


@pytest.mark.parametrize("height", [0.15, 0.4])
def test_a_jump_keeps_its_height_and_its_landing(height: float) -> None:
    truth, rise = jump(height)
    calm = slice(5, 80)
    keypoints = observe(truth, RIG, noise_px=NOISE_PX, seed=1)
    found, raw = triangulate(keypoints, RIG), triangulate(keypoints, RIG, "robust")
    assert 0.004 < errors(raw, truth).mean() < 0.007
    above = (found.positions[..., 2] - found.positions[calm, ..., 2].median(0).values)[:, 0].numpy()
    np.testing.assert_allclose(above.max(0), rise.max(), atol=0.005)
    assert above.max(0).mean() == pytest.approx(rise.max(), abs=0.002)
    for joint in range(17):
        assert crossing(above[:, joint], 0.04) == pytest.approx(crossing(rise, 0.04), abs=0.5)
    assert errors(found, truth)[calm].mean() < errors(raw, truth)[calm].mean() / 3
    jitter, raw_jitter = (poses.positions[calm].diff(n=2, dim=0).norm() for poses in (found, raw))
    assert jitter < raw_jitter / 20


@pytest.mark.parametrize("peak", [8.0, 14.0, 24.0])  # 6.6 to 19 m/s at the ankle
def test_a_kick_keeps_its_speed(peak: float) -> None:
    truth, ankle = kick(peak), H36M.index("left_ankle")
    fastest = []
    for seed in range(3):
        keypoints = observe(truth, RIG, noise_px=NOISE_PX, seed=seed)
        found, raw = triangulate(keypoints, RIG), triangulate(keypoints, RIG, "robust")
        speeds = (poses.positions[1:, 0, ankle] - poses.positions[:-1, 0, ankle] for poses in (found, truth))
        speed, true_speed = (own.norm(dim=-1) * RATE for own in speeds)
        fastest.append((speed.max() / true_speed.max()).item())
        assert abs(int(speed.argmax()) - int(true_speed.argmax())) <= 1
        assert errors(found, truth)[:80].mean() < errors(raw, truth)[:80].mean() / 3
        assert errors(found, truth)[80:125, 0, ankle].mean() < errors(raw, truth)[80:125, 0, ankle].mean()
        assert (found.scores > 0).all()
    assert np.mean(fastest) == pytest.approx(1, abs=0.05)


def test_someone_who_takes_anothers_place_is_not_drawn_across() -> None:
    """Nobody moves 2 m within a frame, but detections change from person to person."""
    truth = walk(frames=120, fps=RATE, people=2)
    positions = truth.positions.clone()
    positions[60:] = positions[60:].flip(1)
    truth = replace(truth, positions=positions)
    found = triangulate(observe(truth, RIG, noise_px=NOISE_PX), RIG)
    assert (found.scores > 0).all()
    assert errors(found, truth).max() < 0.08
    assert errors(found, truth)[55:65].mean() < 0.01


@pytest.mark.parametrize(("settings", "least"), [(WITHOUT_BONES, 2.0), (TriangulationSettings(), 1.3)])
def test_the_covariance_is_honest(settings: TriangulationSettings, least: float) -> None:
    """What bones of constant length tell besides is not in it: with them it is on the safe side."""
    truth = walk(frames=240, fps=RATE, people=2)
    found = triangulate(observe(truth, RIG, noise_px=2.0), RIG, settings=settings)
    assert found.covariance is not None
    off = (found.positions - truth.positions).double()
    squared = torch.einsum("...i,...i->...", off, torch.linalg.solve(found.covariance.double(), off))
    assert least <= squared.mean() <= 3.5


def test_it_is_better_than_every_frame_by_itself_and_bones_help() -> None:
    truth = walk(frames=240, fps=RATE)
    keypoints = observe(truth, RIG, noise_px=3.0, missing=0.1, outliers=0.03)
    robust, plain, held = (
        errors(triangulate(keypoints, RIG, *how), truth).nanmean()
        for how in (("robust",), ("temporal", WITHOUT_BONES), ("temporal",))
    )
    assert plain < 0.65 * robust
    assert held < 0.97 * plain


def test_a_given_acceleration_is_taken() -> None:
    keypoints = observe(walk(frames=60, fps=RATE), RIG, noise_px=2.0)
    jitters, robust = [], triangulate(keypoints, RIG, "robust")
    for acceleration in (10.0, 50.0, 1e5):
        smoothing = SmoothingSettings(acceleration=acceleration, bones=False)
        found = triangulate(keypoints, RIG, settings=TriangulationSettings(smoothing=smoothing))
        jitters.append(found.positions.diff(n=2, dim=0).norm().item())
    assert jitters[0] < jitters[1] < 0.5 * jitters[2]
    assert errors(found, robust).median() < 0.0005  # so much of it is no smoothing at all


@pytest.mark.parametrize("max_gap", [0.1, 0.25])
def test_gaps_are_filled_up_to_the_stated_length(max_gap: float) -> None:
    truth = walk(frames=120, fps=RATE)
    allowed, wrist, ankle, neck = round(max_gap * RATE), H36M.index("left_wrist"), 3, 8
    keypoints = observe(truth, RIG, noise_px=0.5)
    keypoints = hidden(keypoints, "all", slice(30, 30 + allowed), 0, wrist)
    keypoints = hidden(keypoints, "all", slice(30, 31 + allowed), 0, ankle)
    keypoints = hidden(keypoints, "all", slice(0, 2), 0, neck)
    keypoints = hidden(keypoints, (0, 1, 2), slice(117, 120), 0, neck)  # one camera alone sees the end
    settings = TriangulationSettings(smoothing=SmoothingSettings(max_gap=max_gap))
    found = triangulate_in_detail(keypoints, RIG, settings=settings)
    there = found.poses.positions.isfinite().all(-1)
    expected = torch.ones(120, 1, 17, dtype=torch.bool)
    expected[30 : 31 + allowed, 0, ankle] = False
    expected[[0, 1, 117, 118, 119], 0, neck] = False
    assert torch.equal(there, expected)
    filled = torch.zeros_like(expected)
    filled[30 : 30 + allowed, 0, wrist] = True
    assert torch.equal(found.filled, filled)
    assert torch.equal(found.poses.scores > 0, expected & ~filled)
    assert found.poses.covariance is not None
    assert torch.equal(found.poses.covariance.isfinite().all(-1).all(-1), expected)
    assert errors(found.poses, truth)[filled].max() < 0.05
    deviation = found.poses.deviation
    assert deviation is not None
    assert deviation[30 + allowed // 2, 0, wrist] > 2 * deviation[20, 0, wrist]  # less sure amid the gap


def test_nothing_is_filled_where_no_gap_may_be() -> None:
    keypoints = hidden(observe(walk(frames=40), RIG), "all", slice(20, 21), 0, 4)
    settings = TriangulationSettings(smoothing=SmoothingSettings(max_gap=0.0))
    found = triangulate(keypoints, RIG, settings=settings)
    assert found.positions[20, 0, 4].isnan().all()
    assert found.positions.isnan().any(-1).sum() == 1


def test_one_camera_alone_pulls_along_what_it_sees() -> None:
    truth, ankle = walk(frames=90, fps=RATE), H36M.index("right_ankle")
    keypoints = observe(truth, RIG, noise_px=0.5)
    blind = hidden(keypoints, "all", slice(40, 52), 0, ankle)
    one = hidden(keypoints, (1, 2, 3), slice(40, 52), 0, ankle)
    nothing, something = (triangulate_in_detail(seen, RIG, settings=WITHOUT_BONES) for seen in (blind, one))
    assert something.used[0, 40:52, 0, ankle].all()
    assert (something.poses.scores[40:52, 0, ankle] == 0).all()
    pixels = [found.errors[0] for found in (something, nothing)]
    assert pixels[0][40:52, 0, ankle].mean() < 2
    far = [errors(found.poses, truth)[40:52, 0, ankle].mean() for found in (something, nothing)]
    assert far[0] < far[1]


def test_an_unseen_joint_stays_missing_and_the_others_do_not_mind() -> None:
    keypoints = observe(walk(frames=40), RIG, noise_px=1.0)
    found = triangulate(hidden(keypoints, "all", slice(None), 0, 10), RIG)
    assert found.positions[:, :, 10].isnan().all()
    assert found.positions[:, :, [*range(10), *range(11, 17)]].isfinite().all()
    lonely = triangulate(hidden(keypoints, (0, 2, 3), slice(None), 0, 10), RIG)
    assert lonely.positions[:, :, 10].isnan().all()


@pytest.mark.parametrize("frames", [0, 1, 2, 3, 50])
def test_nothing_seen_is_nothing_found(frames: int) -> None:
    keypoints = observe(walk(frames=50), RIG)
    keypoints = hidden(keypoints, "all", slice(None), 0, slice(None)).between(0, frames)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = triangulate_in_detail(keypoints, RIG)
    assert found.poses.positions.isnan().all()
    assert not found.poses.scores.any()
    assert found.bone_lengths.isnan().all()


@pytest.mark.parametrize("frames", [1, 2])
def test_too_few_frames_for_motion_are_as_the_robust_ones(frames: int) -> None:
    keypoints = observe(walk(frames=frames), RIG, noise_px=1.0)
    found, robust = triangulate(keypoints, RIG), triangulate(keypoints, RIG, "robust")
    assert torch.equal(found.positions, robust.positions)
    assert torch.equal(found.scores, robust.scores)
    assert found.covariance is not None
    assert robust.covariance is not None
    assert torch.equal(found.covariance, robust.covariance)


def _noise_of(monkeypatch: pytest.MonkeyPatch, keypoints: Keypoints2D) -> None:
    """The noise of these detections for all that follows: alone and together must differ in nothing else."""
    noise = triangulate_in_detail(keypoints, RIG, "robust").noise
    module = importlib.import_module("lift3d.triangulation.triangulate")  # the name stands for the function too
    monkeypatch.setattr(module, "measured_noise", lambda *_: noise)


def test_clips_do_not_know_of_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    keypoints = observe(walk(frames=100, fps=RATE), RIG, noise_px=2.0, missing=0.1, outliers=0.02)
    times = keypoints.times.clone()
    times[45:] += 1.0
    together = replace(keypoints, times=times)
    _noise_of(monkeypatch, together)
    found = triangulate(together, RIG)
    for part in (slice(0, 45), slice(45, 100)):
        alone = triangulate(together.between(part.start, part.stop), RIG)
        torch.testing.assert_close(found.positions[part], alone.positions, atol=1e-9, rtol=0, equal_nan=True)
        torch.testing.assert_close(found.covariance[part], alone.covariance, equal_nan=True)
        assert torch.equal(found.scores[part], alone.scores)
    whole = triangulate(keypoints, RIG)
    assert (found.positions - whole.positions)[43:47].norm(dim=-1).nanmean() > 1e-4


def test_people_do_not_know_of_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    keypoints = observe(walk(frames=60, fps=RATE, people=2), RIG, noise_px=2.0, missing=0.1, outliers=0.02)
    _noise_of(monkeypatch, keypoints)
    found = triangulate_in_detail(keypoints, RIG)
    for person in range(2):
        own = replace(keypoints, pixels=keypoints.pixels[:, :, [person]], scores=keypoints.scores[:, :, [person]])
        alone = triangulate_in_detail(own, RIG)
        torch.testing.assert_close(
            found.poses.positions[:, [person]], alone.poses.positions, atol=1e-9, rtol=0, equal_nan=True
        )
        torch.testing.assert_close(found.bone_lengths[[person]], alone.bone_lengths)
        assert torch.equal(found.used[:, :, [person]], alone.used)


def test_windows_leave_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is usual for a track differs a little from window to window; that is all."""
    keypoints = observe(walk(frames=500, fps=RATE), RIG, noise_px=2.0, missing=0.1, outliers=0.02)
    whole = triangulate(keypoints, RIG)

    def apart() -> torch.Tensor:
        found = triangulate(keypoints, RIG)
        assert torch.equal(found.positions.isnan(), whole.positions.isnan())
        return errors(found, whole).nan_to_num()

    monkeypatch.setattr(temporal, "_WINDOW", 200)
    assert apart().quantile(0.98) < 1e-4
    assert apart().max() < 5e-4
    monkeypatch.setattr(temporal, "_MARGIN", 0)
    assert apart().max() > 2e-3


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    keypoints = observe(walk(frames=200, fps=RATE), RIG, noise_px=2.0, missing=0.1)
    monkeypatch.setattr(temporal, "_WINDOW", 50)
    found = []
    for threads in (1, 4):
        torch.set_num_threads(threads)
        try:
            found.append(triangulate_in_detail(keypoints, RIG))
        finally:
            torch.set_num_threads(1)
    assert torch.equal(found[0].poses.positions.nan_to_num(), found[1].poses.positions.nan_to_num())
    assert torch.equal(found[0].used, found[1].used)


@pytest.mark.parametrize(("first", "cameras"), [("left_knee", 4), ("left_hip", 4), ("left_hip", 2)])
def test_sides_exchanged_for_a_while_are_put_back(first: str, cameras: int) -> None:
    """Of two cameras neither is right by itself: only the tracks tell."""
    truth, rig = walk(frames=120, fps=RATE), RIG.only(RIG.names[:cameras])
    keypoints = observe(truth, rig, noise_px=1.0)
    legs = [first, "left_ankle"] if first == "left_knee" else [first, "left_knee", "left_ankle"]
    swapped = torch.zeros(cameras, 120, 1, 17, dtype=torch.bool)
    pixels, scores = keypoints.pixels.clone(), keypoints.scores.clone()
    for name in legs:
        one = H36M.index(name)
        other = H36M.flip_order[one]
        for values in (pixels, scores):
            values[1, 50:62, 0, [one, other]] = values[1, 50:62, 0, [other, one]]
        swapped[1, 50:62, 0, [one, other]] = True
    found = triangulate_in_detail(replace(keypoints, pixels=pixels, scores=scores), rig)
    plain = triangulate(keypoints, rig)
    apart = keypoints.pixels[1, 50:62, 0, H36M.index("left_ankle")] - pixels[1, 50:62, 0, H36M.index("left_ankle")]
    far = apart.norm(dim=-1) > 15  # pixels; nearer ones cannot be told from noise, nor matter
    assert far.sum() > 5
    assert found.swapped[1, 50:62, 0, H36M.index("left_ankle")][far].all()
    assert not (found.swapped & ~swapped).any()
    assert errors(found.poses, truth)[50:62].mean() < 1.3 * errors(plain, truth)[50:62].mean()


def test_lens_rate_and_skeleton_do_not_matter() -> None:
    rig: CameraRig = ring_rig(cameras=3, lens="fisheye")
    for fps in (25.0, 120.0):
        truth = walk(frames=60, fps=fps, skeleton="coco17", people=2)
        keypoints = observe(truth, rig, noise_px=2.0)
        found, raw = triangulate(keypoints, rig), triangulate(keypoints, rig, "robust")
        assert errors(found, truth).nanmean() < (0.85 if fps < 30 else 0.6) * errors(raw, truth).nanmean()


@pytest.mark.parametrize("wrong", [{"max_gap": -0.1}, {"acceleration": 0.0}, {"acceleration": -3.0}])
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        SmoothingSettings(**wrong)
