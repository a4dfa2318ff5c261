"""A diagnosis names what was broken on purpose, and nothing else; its numbers are right and its files strict."""

import json
import math
import re
from dataclasses import replace

import pytest
import torch

from lift3d import Camera, CameraRig, Keypoints2D, Poses3D, diagnose, triangulate_in_detail
from lift3d.geometry.rotations import rotvec_to_matrix
from lift3d.synthetic import observe, ring_rig, walk
from lift3d.triangulation import Report, Triangulation, TriangulationSettings, sure_offsets, time_offsets

POSES = walk(150, fps=60, skeleton="coco17")
RIG = ring_rig(4)
KEYPOINTS = observe(POSES, RIG, noise_px=2.0, missing=0.1, outliers=0.03)


def report(keypoints: Keypoints2D = KEYPOINTS, rig: CameraRig = RIG, method: str = "temporal", **moved: int) -> Report:
    return diagnose(triangulate_in_detail(keypoints, rig, method), moved=moved)


def with_camera(name: str, change: object, rig: CameraRig = RIG) -> CameraRig:
    assert callable(change)
    return CameraRig.of({own: change(rig[own]) if own == name else rig[own] for own in rig.names}, rig.up)


def turned(degrees: float) -> object:
    """A change of a camera: turned to its own left, so that it sees everything further right."""
    turn = rotvec_to_matrix(torch.tensor([0.0, -math.radians(degrees), 0.0], dtype=torch.float64))
    return lambda own: replace(own, rotation=turn @ own.rotation, translation=turn @ own.translation)


def zoomed(factor: float) -> object:
    def change(own: Camera) -> Camera:
        intrinsics = own.intrinsics.clone()
        intrinsics[:2, :2] *= factor
        return replace(own, intrinsics=intrinsics)

    return change


CONVENTIONS = {
    "rotation is transposed": lambda own: replace(own, rotation=own.rotation.mT),
    "translation is the camera's place": lambda own: replace(own, translation=own.centre),
    "go from the camera to the world": lambda own: replace(own, rotation=own.rotation.mT, translation=own.centre),
    "OpenGL": lambda own: replace(
        own, rotation=own.rotation * own.rotation.new_tensor([[1], [-1], [-1]]),
        translation=own.translation * own.translation.new_tensor([1, -1, -1]),
    ),
}  # fmt: skip


def test_a_good_recording_has_nothing_to_say() -> None:
    own = report()
    assert len(own.words) == 1
    assert own.words[0].startswith("Everything agrees: median error 2.")
    assert {camera.verdict for camera in own.cameras} == {"agrees"}
    assert own.totals.triangulated > 0.99
    assert own.offsets == {}


def test_numbers_agree_with_those_of_the_triangulation() -> None:
    found = triangulate_in_detail(KEYPOINTS, RIG)
    own = diagnose(found)
    for camera, mine in enumerate(own.cameras):
        errors = found.errors[camera][found.errors[camera].isfinite()]
        assert mine.median_px == pytest.approx(errors.quantile(0.5).item(), rel=1e-3)
        assert mine.p95_px == pytest.approx(errors.quantile(0.95).item(), rel=1e-3)
        seen = KEYPOINTS.scores[camera] > 0
        assert mine.seen == pytest.approx(seen.double().mean().item())
        assert mine.rejected == pytest.approx(1 - found.used[camera].sum().item() / seen.sum().item())
    assert own.totals.filled == pytest.approx(found.filled.double().mean().item())
    # the outliers are about what is rejected, with joints that two views alone see
    assert all(0.02 < mine.rejected < 0.06 for mine in own.cameras)


def test_jitter_and_bones_are_those_of_known_poses() -> None:
    """Positions t^2 / 2 mm along x: a second difference of 1 mm everywhere."""
    frames = torch.arange(50, dtype=torch.float64)
    positions = walk(1, skeleton="coco17").positions.expand(50, -1, -1, -1).clone()
    positions[..., 0] += (frames**2 / 2000)[:, None, None]
    poses = Poses3D.of(positions, skeleton=POSES.skeleton, fps=60)
    keypoints = observe(poses, RIG)
    found = triangulate_in_detail(keypoints, RIG, "robust")
    own = diagnose(found)
    assert all(joint.jitter_mm == pytest.approx(1.0, abs=1e-3) for joint in own.joints)
    assert all(bone.spread_percent < 0.01 for bone in own.bones)
    truth = poses.bone_lengths()[0, 0]
    assert [bone.length_cm for bone in own.bones] == pytest.approx((100 * truth).tolist(), rel=1e-4)
    left = next(bone for bone in own.bones if bone.name == "left_knee")
    assert left.asymmetry_percent == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("frames", [-3, 2])
def test_a_late_camera_is_named_with_the_flag_that_mends_it(frames: int) -> None:
    late = KEYPOINTS.shifted({"cam2": frames})
    own = report(late)
    kind = "late" if frames > 0 else "early"
    assert own.words[0] == f"cam2 looks {abs(frames)} frames {kind}: --offset cam2={-frames}."
    assert own.offsets == sure_offsets(late, RIG) == {"cam2": -frames}
    assert [camera.late_frames for camera in own.cameras] == [0, 0, frames, 0]
    # advice adds up with what was moved already
    assert f"--offset cam2={1 - frames}." in report(late, cam2=1).words[0]


@pytest.mark.parametrize("degrees", [0.5, -1.0])
def test_a_turned_camera_is_told_from_a_late_one(degrees: float) -> None:
    """Turned to its right, a calibrated camera expects things further left than it sees them."""
    own = report(rig=with_camera("cam1", turned(degrees)))
    camera = own.cameras[1]
    assert camera.turned_deg == pytest.approx(abs(degrees), rel=0.15)
    assert camera.zoom == pytest.approx(1, abs=0.01)
    assert (camera.shift_px[0] > 0) == (degrees > 0)
    assert own.offsets == {}
    assert [one.verdict for one in own.cameras] == ["agrees", "calibration is off", "agrees", "agrees"]
    assert any("too far " + ("right" if degrees > 0 else "left") in sentence for sentence in own.words)


def test_a_camera_that_is_turned_and_late_is_both() -> None:
    own = report(KEYPOINTS.shifted({"cam1": 2}), with_camera("cam1", turned(0.5)))
    assert own.offsets == {"cam1": -2}
    assert own.cameras[1].turned_deg == pytest.approx(0.5, rel=0.15)


def test_a_zoomed_camera_sees_everything_smaller() -> None:
    own = report(rig=with_camera("cam3", zoomed(1.04)))
    assert own.cameras[3].zoom == pytest.approx(1 / 1.04, abs=0.005)
    assert any("4 % too small" in sentence for sentence in own.words)


def test_exchanged_names_are_named() -> None:
    own = report(replace(KEYPOINTS, camera_names=("cam0", "cam2", "cam1", "cam3")))
    assert own.words[0].startswith("cam1 and cam2 look exchanged")
    assert [camera.exchanged_with for camera in own.cameras] == ["", "cam1", "cam2", ""]


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("cameras", [2, 4])
def test_a_calibration_read_the_wrong_way_is_named(convention: str, cameras: int) -> None:
    names = RIG.names[:cameras]
    wrong = CameraRig.of({name: CONVENTIONS[convention](RIG[name]) for name in names})
    own = report(KEYPOINTS.only(names), wrong)
    assert convention in own.words[0]
    assert own.words[0].startswith("All cameras would agree if")


def test_one_camera_read_the_wrong_way_is_named() -> None:
    own = report(rig=with_camera("cam2", CONVENTIONS["rotation is transposed"]))
    assert own.words[0] == "cam2 would agree with the others if read another way: its rotation is transposed."


def test_mirrored_pictures_are_named() -> None:
    pixels = KEYPOINTS.pixels.clone()
    pixels[1, ..., 0] = 1279 - pixels[1, ..., 0]
    assert "cam1 would agree" in report(replace(KEYPOINTS, pixels=pixels)).words[0]


def test_bad_detections_are_not_taken_for_a_bad_calibration() -> None:
    pixels = KEYPOINTS.pixels.clone()
    generator = torch.Generator().manual_seed(0)
    pixels[2] += 30 * torch.randn(pixels[2].shape, generator=generator, dtype=torch.float64)
    own = report(replace(KEYPOINTS, pixels=pixels))
    assert own.cameras[2].verdict == "bad detections"
    assert any(re.match("cam2 detects badly: .*--without cam2", sentence) for sentence in own.words)
    assert own.cameras[2].others_without_px < own.cameras[2].others_px
    assert own.cameras[0].others_without_px > own.cameras[0].others_px


def test_joints_that_a_camera_has_wrong_are_named() -> None:
    pixels = KEYPOINTS.pixels.clone()
    wrists = [KEYPOINTS.skeleton.index("left_wrist"), KEYPOINTS.skeleton.index("right_wrist")]
    pixels[2][:, :, wrists] = pixels[2][:, :, wrists] + 150
    own = report(replace(KEYPOINTS, pixels=pixels))
    assert set(own.cameras[2].worst_joints) == {"left_wrist", "right_wrist"}


def test_another_person_is_told_from_bad_joints() -> None:
    pixels = KEYPOINTS.pixels.clone()
    pixels[3, 40:80] += 300
    own = report(replace(KEYPOINTS, pixels=pixels))
    assert own.cameras[3].rejected_bodies == pytest.approx(40, abs=2)
    assert any("cam3 has the whole body elsewhere in" in sentence for sentence in own.words)


def test_exchanged_sides_are_counted() -> None:
    order = list(KEYPOINTS.skeleton.flip_order)
    pixels, scores = KEYPOINTS.pixels.clone(), KEYPOINTS.scores.clone()
    pixels[1, 20:30], scores[1, 20:30] = pixels[1, 20:30][..., order, :], scores[1, 20:30][..., order]
    own = report(replace(KEYPOINTS, pixels=pixels, scores=scores))
    said = next(sentence for sentence in own.words if sentence.startswith("Left and right"))
    assert "frames of cam1 and put right" in said
    assert 9 <= int(re.findall(r"\d+", said)[0]) <= 12
    assert own.totals.swapped == sum(joint.swapped for joint in own.joints) > 100


def test_unit_and_up_axis() -> None:
    wrong = replace(RIG, cameras=replace(RIG.cameras, translation=RIG.cameras.translation * 1000))
    assert "try --unit mm" in report(rig=wrong).words[0]
    assert any("--up +z" in sentence for sentence in report(rig=replace(RIG, up="+y")).words)


def test_another_picture_size_is_named() -> None:
    sizes = KEYPOINTS.image_sizes.clone()
    sizes[1] = torch.tensor([1280, 704])
    own = report(replace(KEYPOINTS, image_sizes=sizes))
    assert any("cam1: pictures of 1280 x 704, calibrated for 1280 x 720" in sentence for sentence in own.words)


def nothing_in_common() -> Keypoints2D:
    generator = torch.Generator().manual_seed(1)
    noise = 700 * torch.rand(KEYPOINTS.pixels.shape, generator=generator, dtype=torch.float64)
    return replace(KEYPOINTS, pixels=noise.masked_fill(KEYPOINTS.pixels.isnan(), torch.nan))


def nobody() -> Keypoints2D:
    return replace(
        KEYPOINTS, pixels=torch.full_like(KEYPOINTS.pixels, torch.nan), scores=torch.zeros_like(KEYPOINTS.scores)
    )


@pytest.mark.parametrize("method", ["temporal", "robust", "dlt"])
@pytest.mark.parametrize(
    ("keypoints", "said"),
    [
        (nothing_in_common(), "No two cameras agree on any joint"),
        (nobody(), "Hardly any joint is seen by two cameras"),
        (KEYPOINTS.between(0, 0), "hold no frames"),
        (KEYPOINTS.between(0, 1), "Everything agrees"),
        (KEYPOINTS.only(["cam0", "cam1"]), "Everything agrees"),
    ],
)
def test_hopeless_and_tiny_recordings_get_words_and_files_not_a_crash(
    keypoints: Keypoints2D, said: str, method: str
) -> None:
    own = report(keypoints, method=method)
    assert said in own.words[0]
    json.loads(own.to_json())
    assert "</html>" in own.to_html()


def test_json_is_strict_and_complete() -> None:
    text = report(KEYPOINTS.only(["cam0", "cam1"])).to_json()
    assert "NaN" not in text
    assert "Infinity" not in text
    read = json.loads(text)
    assert read["cameras"][0]["others_without_px"] is None
    assert [camera["name"] for camera in read["cameras"]] == ["cam0", "cam1"]
    assert len(read["joints"]) == 17
    assert len(read["cameras"][0]["offset"]["curve"]) == 21


def test_the_page_loads_nothing_and_lets_no_name_out() -> None:
    names = ("cam0", "<b>&", "cam2", "cam3")
    rig = CameraRig.of(dict(zip(names, (RIG[name] for name in RIG.names), strict=True)))
    page = report(replace(KEYPOINTS, camera_names=names).shifted({"<b>&": 2}), rig).to_html()
    assert "<b>&" not in page
    assert "&lt;b&gt;&amp;" in page
    assert "@@" not in page
    assert not re.search(r"(src|href)=|https?:|<script", page)
    assert page.count("<svg") == 8


def test_the_cost_of_a_long_recording_is_bounded() -> None:
    found = triangulate_in_detail(KEYPOINTS, RIG, "robust")
    longer = Triangulation(
        poses=Poses3D.of(found.poses.positions.repeat(40, 1, 1, 1), skeleton=POSES.skeleton, fps=60),
        detections=Keypoints2D.of(
            KEYPOINTS.pixels.repeat(1, 40, 1, 1, 1), KEYPOINTS.scores.repeat(1, 40, 1, 1),
            skeleton=POSES.skeleton, fps=60, image_sizes=KEYPOINTS.image_sizes,
        ),
        rig=RIG, used=found.used.repeat(1, 40, 1, 1), swapped=found.swapped.repeat(1, 40, 1, 1), noise=found.noise,
        bone_lengths=found.bone_lengths,
    )  # fmt: skip
    own = diagnose(longer, TriangulationSettings())
    assert own.totals.frames == 6000
    assert own.totals.sampled_frames <= 400
    assert len(own.cameras[0].course_px) == 120
    assert own.words[0].startswith("Everything agrees")


def test_a_moved_camera_that_looks_late_is_not_moved_in_time() -> None:
    """People who walk one way make a shifted picture look late; once the calibration is mended nothing is."""
    straight = walk(1, skeleton="coco17").positions.expand(100, -1, -1, -1).clone()
    steps = torch.arange(100, dtype=torch.float64) / 60
    straight[..., 0] += (1.2 * (steps - 0.8) + 0.1 * torch.sin(9 * steps))[:, None, None]
    poses = Poses3D.of(straight, skeleton=POSES.skeleton, fps=60)
    keypoints = observe(poses, RIG, noise_px=1.5)
    rig = with_camera("cam1", turned(0.6))
    assert time_offsets(keypoints, rig).frames.keys() == {"cam1"}
    assert sure_offsets(keypoints, rig) == {}
    own = report(keypoints, rig)
    assert own.offsets == {}
    assert any("with its calibration as it is" in sentence for sentence in own.words)
