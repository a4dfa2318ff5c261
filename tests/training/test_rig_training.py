"""Labels that cameras agree on are right, those of one that is off are not used, and a detector learns from them."""

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from made_up_rig_footage import FRAMES, KNOWN, MISTAKEN, Film, film, mistaken_detector
from PIL import Image
from torch import Tensor, nn

from lift3d.checkpoints import Checkpoint, load_network
from lift3d.detection import DetectSettings, detect, read_boxes
from lift3d.errors import InputError, SettingsError, UnknownNameError
from lift3d.keypoints import Keypoints2D
from lift3d.networks.movenet import MoveNet, MoveNetSettings
from lift3d.skeletons import get_skeleton
from lift3d.synthetic import observe, ring_rig, walk
from lift3d.training import self_training
from lift3d.training.movenet_loss import MoveNetLossSettings, movenet_loss
from lift3d.training.picture_samples import Samples
from lift3d.training.rig_figures import camera_figures, frame_figures
from lift3d.training.rig_labels import AgreementSettings, agreed_labels, person_sizes
from lift3d.training.rig_lesson import lesson_of, only_parts_learn
from lift3d.training.rig_pictures import cut_pictures
from lift3d.training.rig_settings import RigData, RigTraining
from lift3d.training.runs import run_training

RIG, SETTINGS = ring_rig(4), AgreementSettings()
TRUTH = observe(walk(12), RIG)


def _moved(keypoints: Keypoints2D, camera: int, joints: slice, by: float) -> Keypoints2D:
    pixels = keypoints.pixels.clone()
    pixels[camera, :, :, joints] += by
    return replace(keypoints, pixels=pixels)


def _all_but_camera(values: Tensor, camera: int) -> Tensor:
    return torch.cat([values[:camera], values[camera + 1 :]])


def test_labels_of_cameras_that_see_rightly_are_what_they_see() -> None:
    """Triangulated and projected again, through lenses that bend; every camera agrees."""
    labels = agreed_labels(TRUTH, RIG, SETTINGS)
    torch.testing.assert_close(labels.pixels, TRUTH.pixels, atol=1e-6, rtol=0)
    assert (labels.scores == 1).all()


def test_what_one_camera_gets_wrong_the_others_put_right() -> None:
    labels = agreed_labels(_moved(TRUTH, 1, slice(9, 11), 60.0), RIG, SETTINGS)
    torch.testing.assert_close(labels.pixels, TRUTH.pixels, atol=1e-3, rtol=0)
    assert (labels.scores[:, :, :, 9:11] == 0.75).all()  # the share of cameras that agree


def test_a_camera_that_is_off_gets_no_labels_and_spoils_none() -> None:
    """It was nudged: most of its joints are far from where the others see them."""
    labels = agreed_labels(_moved(TRUTH, 2, slice(0, 14), 60.0), RIG, SETTINGS)
    assert not labels.scores[2].any()
    torch.testing.assert_close(
        _all_but_camera(labels.pixels, 2), _all_but_camera(TRUTH.pixels, 2), atol=1e-3, rtol=0
    )  # fmt: skip
    told = agreed_labels(_moved(TRUTH, 2, slice(0, 14), 60.0), RIG, replace(SETTINGS, share=0.0))
    assert (told.scores[2] > 0).all()  # unless that is what is wanted


def test_too_few_cameras_are_no_agreement() -> None:
    two = TRUTH.only(["cam0", "cam1"])
    assert not agreed_labels(two, RIG, SETTINGS).scores.any()
    assert agreed_labels(two, RIG, replace(SETTINGS, views=2)).scores.all()
    unsure = replace(TRUTH, scores=TRUTH.scores * torch.tensor([1, 1, 0.1, 0.1])[:, None, None, None])
    assert not agreed_labels(unsure, RIG, SETTINGS).scores.any()


def test_sizes_of_people_are_the_longer_sides_of_their_boxes() -> None:
    known = person_sizes(TRUTH)
    assert known[2, 3, 0] == (TRUTH.pixels[2, 3, 0].amax(0) - TRUTH.pixels[2, 3, 0].amin(0)).amax()
    nobody = replace(TRUTH, pixels=torch.full_like(TRUTH.pixels, torch.nan))
    assert person_sizes(nobody).isnan().all()


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Film:
    return film(tmp_path_factory.mktemp("film"))


@pytest.fixture(scope="module")
def detector(shot: Film, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mistaken_detector(shot, tmp_path_factory.mktemp("detector") / "start.safetensors")


def test_labels_lie_on_what_they_mark_in_the_pictures_that_are_cut(tmp_path: Path) -> None:
    """Pictures whose colours are the column and the row; joints at the edge, where the crop reaches beyond."""
    columns, rows = np.meshgrid(np.arange(160), np.arange(120))
    for name in ("cam0", "cam1"):
        (tmp_path / name).mkdir()
        for frame in range(3):
            Image.fromarray(np.stack([columns, rows, 0 * rows + frame], -1).astype(np.uint8)).save(
                tmp_path / name / f"{frame}.png"
            )
    joints = torch.tensor([10.0, 5.0]) + torch.rand(2, 3, 1, 17, 2, dtype=torch.float64) * torch.tensor([60.0, 100.0])
    seen = Keypoints2D.of(joints, camera_names=["cam0", "cam1"], skeleton=TRUTH.skeleton, fps=30)
    videos = [str(tmp_path / "cam0"), str(tmp_path / "cam1")]
    cuts = cut_pictures(videos, seen, [0, 2], 128, joint_scale=1.1, box_scale=1.25)
    labelled = cuts.labelled(seen)
    assert labelled.pictures == ["cam0/0", "cam0/2", "cam1/0", "cam1/2"]
    for person, (camera, frame) in zip(labelled.people, ((0, 0), (0, 2), (1, 0), (1, 2)), strict=True):
        rgb = labelled.read(person.picture)
        scale = person.box[3] / (1.1 * (joints[camera, frame, 0].amax(0) - joints[camera, frame, 0].amin(0))[1].item())
        at = torch.stack([rgb[y, x] for x, y in person.pixels.round().int().tolist()]).double()
        torch.testing.assert_close(at[:, :2], joints[camera, frame, 0], atol=0.5 / scale + 0.6, rtol=0)
        assert (at[:, 2] == frame).all()
        low, high = person.pixels.amin(0), person.pixels.amax(0)
        left, top, width, height = person.box
        assert (width, height) == pytest.approx((1.1 * (high - low)).tolist(), rel=1e-4)
        assert (left + width / 2, top + height / 2) == pytest.approx(((low + high) / 2).tolist(), abs=1e-3)


def _tables(shot: Film, detector: Path, **data: Any) -> dict[str, Any]:
    own = {"videos": shot.videos, "cameras": shot.calibration, "boxes": [shot.boxes], "refine": False, "mirror": False}
    loop = {"steps": 60, "batch": 8, "learning_rate": 1.5e-3, "warmup": 0, "average": 0.8, "save_every": 30}
    return {
        "kind": "rig", "start": str(detector), "learned": [], "rounds": 1, "data": {**own, "held_frames": 0.3, **data},
        "loop": {**loop, "bfloat16": False}, "agreement": {"error": 0.1},
        "augmentation": {"scale": 0.1, "turned": 0.0, "shift": 0.03, "mirror": 0.0, "half_body": 0.0},
    }  # fmt: skip


def test_a_detector_learns_in_frames_held_back_what_one_camera_got_wrong(
    shot: Film, detector: Path, tmp_path: Path
) -> None:
    """True joints say so, which the training knows nothing of, and so do the figures that need none."""
    weights = run_training(_tables(shot, detector), tmp_path / "run")
    loaded = load_network(weights)
    assert (loaded.encoding["name"], loaded.extra["licence"]) == ("top_down", "nobody's")
    joints, errors = shot.truth.skeleton.indices(*MISTAKEN), []
    for model in (detector, weights):
        seen = detect(shot.videos, model, boxes=shot.boxes, progress=False, settings=DetectSettings(mirror=False))
        errors.append((seen.pixels - shot.truth.pixels).norm(dim=-1)[:, KNOWN:, 0])
    before, after = errors
    assert before[0, :, joints].median() > 6
    assert after[0, :, joints].median() < 0.7 * before[0, :, joints].median()
    assert after[0].mean() < before[0].mean()
    figures = json.loads((tmp_path / "run" / "figures.json").read_text())["held_frames"]
    assert figures["after"]["p95_px"] < 0.8 * figures["before"]["p95_px"]
    assert figures["detections"] == 4 * (FRAMES - KNOWN) * 17
    assert json.loads(loaded.extra["figures"])["held_frames"] == figures
    assert run_training(_tables(shot, detector), tmp_path / "run") == weights  # found finished


def test_a_camera_that_is_held_back_is_not_learned_from(shot: Film, detector: Path, tmp_path: Path) -> None:
    tables = _tables(shot, detector, held_cameras=["cam0"], moments=5, boxes=4 * [shot.boxes])
    tables["loop"] = {**tables["loop"], "steps": 1}
    weights = run_training({**tables, "rounds": 2, "learned": ["head"]}, tmp_path / "run")
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {"round1", "round2", "figures.json"}
    figures = json.loads((tmp_path / "run" / "figures.json").read_text())
    assert set(figures) == {"held_frames", "held_camera cam0", "held_camera cam0, held_frames"}
    assert load_network(weights).extra["trained_on"].startswith("15 unlabelled pictures of 3 cameras")
    before, after = (load_network(path).network.state_dict() for path in (detector, weights))
    changed = {
        name.split(".")[0] for name in before if not torch.allclose(before[name], after[name], atol=1e-3, rtol=2e-3)
    }
    assert changed == {"head"}


def test_movenet_finds_the_boxes_where_none_are_given(
    shot: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tenth larger than the joints; nobody has no box."""
    gone = torch.zeros(4, FRAMES, 1, 17, dtype=torch.bool)
    gone[2, 5] = True
    seen = replace(
        shot.truth,
        pixels=shot.truth.pixels.masked_fill(gone[..., None], torch.nan),
        scores=shot.truth.scores.masked_fill(gone, 0.0),
    )
    monkeypatch.setattr(self_training, "detect", lambda videos: seen.only(Path(path).name for path in videos))
    found = read_boxes(self_training.boxes_by_movenet(shot.videos, tmp_path / "boxes.npz"))
    assert 5 not in found.of("cam2", 0.0) or not found.of("cam2", 0.0)[5]
    (box,) = found.of("cam1", 0.0)[3]
    low, high = shot.truth.pixels[1, 3, 0].amin(0), shot.truth.pixels[1, 3, 0].amax(0)
    assert (box.width, box.height) == pytest.approx((1.1 * (high - low)).tolist())
    assert box.middle == pytest.approx(((low + high) / 2).tolist())


def test_settings_that_do_not_fit_are_said_in_one_line(shot: Film, detector: Path, tmp_path: Path) -> None:
    for change, problem in (
        ({"held_cameras": ["cam0", "cam1", "cam2"]}, "1 cameras and 11 frames are left"),
        ({"offsets": ["cam1"]}, "expected a camera and frames, like cam03=-2"),
        ({"held_frames": 1.0}, "a share below 1"),
    ):
        with pytest.raises(SettingsError, match=problem):
            run_training(_tables(shot, detector, **change), tmp_path / "run")
    with pytest.raises(UnknownNameError, match="No camera named 'cam9'"):
        run_training(_tables(shot, detector, held_cameras=["cam9"]), tmp_path / "run")
    with pytest.raises(SettingsError, match="no part heatmaps; it has backbone, head"):
        only_parts_learn(load_network(detector).network, ("heatmaps",))
    with pytest.raises(InputError, match="at least 2 views"):
        AgreementSettings(views=1)


def test_offsets_move_labels_to_the_frames_that_they_are_of() -> None:
    """A camera two frames late sees in frame 5 what the others saw in frame 3."""
    late = TRUTH.shifted({"cam2": 2})
    labels = agreed_labels(late.shifted({"cam2": -2}), RIG, SETTINGS).shifted({"cam2": 2})
    torch.testing.assert_close(labels.pixels[2, 2:], late.pixels[2, 2:], atol=1e-6, rtol=0)
    assert RigData(("a",), "b", offsets=("cam2=-2",)).offset_of() == {"cam2": -2}


def test_figures_compare_the_same_detections() -> None:
    """Dropping the worst is no gain, and what all cameras agree on but nobody saw before is none on a camera."""
    noisy = observe(walk(12), RIG, noise_px=4.0)
    figures = frame_figures(noisy, TRUTH, RIG, slice(3, 9))
    assert figures["after"]["median_px"] < 1e-3 < 2 < figures["before"]["median_px"]
    assert figures["detections"] == figures["before"]["detections"] == 4 * 6 * 17
    assert figures["after"]["bone_spread_percent"] < 0.01 < figures["before"]["bone_spread_percent"]
    half = torch.arange(17) % 2 == 0
    fewer = replace(TRUTH, pixels=TRUTH.pixels.masked_fill(half[:, None], torch.nan), scores=TRUTH.scores * ~half)
    figures = frame_figures(noisy, fewer, RIG, slice(3, 9))
    assert figures["detections"] == figures["after"]["detections"] == 4 * 6 * 8
    assert figures["before"]["detections"] == 4 * 6 * 17
    turned = walk(12)
    moved = observe(replace(turned, positions=turned.positions + torch.tensor([0.1, 0.0, 0.0])), RIG)
    assert frame_figures(TRUTH, moved, RIG, slice(12))["after"]["p95_px"] < 0.1
    assert frame_figures(TRUTH, moved, RIG, slice(12))["moved_mm"] == pytest.approx(100, abs=0.1)
    for own in camera_figures(TRUTH, moved, RIG, "cam1", SETTINGS).values():
        assert own["before"]["p95_px"] < 1e-3
        assert own["after"]["median_px"] > 5
    apart = _moved(TRUTH, 2, slice(0, 3), 60.0)  # the others do not agree on three joints
    counts = {name: own["detections"] for name, own in camera_figures(apart, TRUTH, RIG, "cam1", SETTINGS).items()}
    assert counts == {"all": 12 * 17, "agreed": 12 * 14}
    nothing = replace(TRUTH, pixels=torch.full_like(TRUTH.pixels, torch.nan), scores=torch.zeros_like(TRUTH.scores))
    assert frame_figures(TRUTH, nothing, RIG, slice(12))["after"]["median_px"] is None
    assert json.dumps(camera_figures(TRUTH, nothing, RIG, "cam1", SETTINGS), allow_nan=False)


def test_settings_of_a_run_are_complete() -> None:
    tables = {"kind": "rig", "data": {"videos": ["a", "b"], "cameras": "c"}, "loop": {"steps": 1}}
    settings = RigTraining.of(tables)
    kept = settings.tables()
    assert RigTraining.of(kept) == settings
    assert "strategy" not in kept


def _movenet_loss(network: nn.Module, samples: Samples) -> float:
    output = network(samples.crops.float() / 127.5 - 1)
    return movenet_loss(output, samples.places[..., :2], samples.weights, MoveNetLossSettings()).total.item()


def test_movenet_is_taught_its_heads_and_held_where_they_share() -> None:
    """Nothing but the taught heads changes; where the pyramid learns, the other heads' first answers count."""
    small = MoveNetSettings(image_size=64, width=0.25, last_channels=32, pyramid=(16, 8, 8), head_channels=16)
    torch.manual_seed(0)
    coco = get_skeleton("coco17")
    start = Checkpoint(MoveNet(small).eval(), small, "movenet", coco, coco)
    crops = torch.randint(0, 256, (2, 3, 64, 64), generator=torch.Generator().manual_seed(0)).byte()
    places = 20 + 20 * torch.rand(2, 17, 3, generator=torch.Generator().manual_seed(1))
    samples, losses = Samples(crops, places, torch.ones(2, 17)), []
    for learned in (("heatmaps", "offsets"), ("pyramid", "heatmaps", "offsets")):
        tables = {"kind": "rig", "data": {"videos": [], "cameras": ""}, "loop": {"steps": 1}, "learned": list(learned)}
        lesson, network = lesson_of(start, RigTraining.of(tables)), deepcopy(start.network)
        assert lesson.image_size == (64, 64)
        only_parts_learn(network, learned)
        lesson.loss(network, samples).backward()
        assert {name.split(".")[0] for name, weight in network.named_parameters() if weight.grad is not None} == set(
            learned
        )
        with torch.no_grad():
            losses.append(lesson.loss(network, samples).item())
            for weight in network.get_submodule("pyramid").parameters():
                weight.mul_(1.2)
            losses.append(lesson.loss(network, samples).item() - _movenet_loss(network, samples))
    assert losses[0] == pytest.approx(losses[2], rel=1e-6)  # held to what has not changed: nothing to add
    assert losses[1] == pytest.approx(0, abs=1e-5)
    assert losses[3] > 1e-3
