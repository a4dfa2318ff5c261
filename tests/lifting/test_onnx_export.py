"""The exported file gives, by ONNX Runtime alone, the numbers that lifting gives."""

import json
import sys
from pathlib import Path

import pytest
import torch
from tiny_networks import HUMAN, SIXTEEN, STATISTICS, Attention, Convolution, OneFrame, lifter

from lift3d.cameras import Camera
from lift3d.checkpoints import Checkpoint, load_network, network_named
from lift3d.errors import FileError, InputError, MissingPackageError
from lift3d.keypoints import Keypoints2D
from lift3d.lifting import export_onnx, lift, onnx_export
from lift3d.synthetic import observe, ring_rig, walk

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

RIG = ring_rig(cameras=1)
UNSURE = {"name": "turned_rays", "uncertainty": True}
MOVING = {"name": "turned_rays", "temporal": True, "uncertainty": True}
SCORED = {"name": "screen", "with_scores": True, "answer": "screen"}
KINDS = {
    "one_frame": lifter(OneFrame),
    "one_frame_unsure": lifter(OneFrame, UNSURE),
    "martinez": lifter(OneFrame, STATISTICS, HUMAN, SIXTEEN),
    "convolution": lifter(Convolution, MOVING),
    "videopose3d": lifter(Convolution, {"name": "screen"}),
    "attention": lifter(Attention, MOVING),
    "motionbert": lifter(Attention, SCORED),
}


def _session(path: Path):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def _inputs(seen: Keypoints2D, model: Checkpoint, names: set[str]) -> dict:
    own = seen.mapped_to(model.input_skeleton)
    pixels, scores = own.pixels[0, :, 0], own.scores[0, :, 0]
    rays = RIG["cam0"].normalise(pixels.reshape(-1, 2)).reshape(pixels.shape)
    all_inputs = {"pixels": pixels, "rays": rays, "scores": scores, "image_size": RIG["cam0"].image_size}
    return {name: value.float() for name, value in all_inputs.items() if name in names}


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_file_alone_gives_what_lift_gives(kind: str, flip: bool, tmp_path: Path) -> None:
    model, frames = KINDS[kind], 12
    written = export_onnx(model, tmp_path / "model.onnx", flip=flip)
    assert written.difference is not None
    assert written.difference < 1e-5
    clip = observe(walk(frames), RIG, noise_px=1.0, missing=0.2 if "turned" in model.encoding["name"] else 0.0)
    given = _inputs(clip, model, set(written.inputs))
    poses = lift(clip, RIG["cam0"], model, flip=flip)
    if len(written.inputs.get("rays", written.inputs.get("pixels", ()))) == 3:  # every frame is a person
        given, about = {name: value.numpy() for name, value in given.items()}, slice(0, frames)
    elif written.outputs["positions"][1] == 17:  # a window of 7 about its fifth frame
        given = {name: (value if name == "image_size" else value[None, 2:9]).numpy() for name, value in given.items()}
        about = slice(6, 7)
    else:  # the whole clip is one window
        given = {name: (value if name == "image_size" else value[None]).numpy() for name, value in given.items()}
        about = slice(0, frames)
    answers = _session(tmp_path / "model.onnx").run(None, given)
    expected = poses.root_relative().positions[about, 0]
    found = torch.from_numpy(answers[0]).reshape(expected.shape)
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)
    assert list(written.outputs) == (["positions"] if poses.covariance is None else list(onnx_export._OUTPUTS))
    if poses.covariance is not None and poses.deviation is not None:
        covariance, deviation = (torch.from_numpy(own) for own in answers[1:])
        torch.testing.assert_close(covariance.reshape(-1, 17, 3, 3), poses.covariance[about, 0], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(deviation.reshape(-1, 17), poses.deviation[about, 0], atol=1e-5, rtol=1e-4)


def test_any_number_of_people_at_once(tmp_path: Path) -> None:
    written = export_onnx(KINDS["one_frame"], tmp_path / "model.onnx")
    assert written.inputs == {"rays": ("batch", 17, 2), "scores": ("batch", 17)}
    assert written.outputs == {"positions": ("batch", 17, 3)}
    session = _session(tmp_path / "model.onnx")
    rays, scores = torch.randn(9, 17, 2) * 0.1, torch.rand(9, 17)
    together = session.run(None, {"rays": rays.numpy(), "scores": scores.numpy()})[0]
    for person in range(9):
        alone = session.run(None, {"rays": rays[person, None].numpy(), "scores": scores[person, None].numpy()})[0]
        torch.testing.assert_close(torch.from_numpy(alone[0]), torch.from_numpy(together[person]), atol=1e-6, rtol=0)


def test_a_missing_joint_is_one_with_score_0_wherever_it_is_said_to_be(tmp_path: Path) -> None:
    export_onnx(KINDS["one_frame"], tmp_path / "model.onnx")
    session = _session(tmp_path / "model.onnx")
    rays, scores = torch.randn(1, 17, 2) * 0.1, torch.rand(1, 17)
    scores[0, 4] = 0
    answers = []
    for somewhere in (0.0, 5.0, float("nan")):
        rays[0, 4] = somewhere
        answers.append(session.run(None, {"rays": rays.numpy(), "scores": scores.numpy()})[0])
    assert (answers[0] == answers[1]).all()
    assert (answers[0] == answers[2]).all()


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("temporal_conv", {"inputs": 54, "outputs": 49, "filter_widths": (3, 3), "channels": 16}),
        ("temporal_attention", {"inputs": 54, "outputs": 49, "hidden": 16, "heads": 2, "layers": 1}),
        ("residual_mlp", {"inputs": 52, "outputs": 49, "hidden": 16}),
        ("dstformer", {"hidden": 16, "heads": 2, "stages": 1, "representation": 8, "longest": 9}),
    ],
)
def test_lift3ds_networks_can_be_exported(name: str, sizes: dict, tmp_path: Path) -> None:
    entry = network_named(name)
    settings = entry.settings(**sizes)
    encoding = {51: SCORED, 52: {}, 54: MOVING | {"uncertainty": False}}[settings.inputs]
    model = Checkpoint(entry.build(settings).eval(), settings, name, HUMAN, HUMAN, encoding)
    written = export_onnx(model, tmp_path / "model.onnx")
    assert written.difference is not None
    assert written.difference < 1e-5


def test_the_shipped_lifter_and_what_the_file_says_of_itself(tmp_path: Path) -> None:
    model = load_network("residual_mlp_cmu17")
    export_onnx(model, tmp_path / "model.onnx")
    said = {own.key: own.value for own in onnx.load(tmp_path / "model.onnx").metadata_props}
    assert json.loads(said["skeleton"])["joints"] == list(HUMAN.joints)
    assert json.loads(said["input_skeleton"])["name"] == "human36m17"
    assert said["encoding"] == "turned_rays"
    assert json.loads(said["encoding_settings"])["uncertainty"] is True
    assert said["missing_joints"] == "score 0"
    assert (said["frames_before"], said["frames_after"], said["flip"]) == ("0", "0", "false")
    assert said["licence"] == model.extra["licence"]


def test_a_file_with_other_numbers_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_export, "_relative", lambda *_: [2e-5])
    with pytest.raises(FileError, match=r"differs from torch by 2.0e-05 of the largest number; expected at most 1e-05"):
        export_onnx(KINDS["one_frame"], tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_wrong_input_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"Pass a checkpoint of a lifter"):
        export_onnx("movenet_thunder", tmp_path / "model.onnx")
    unknown = lifter(OneFrame)
    unknown.network.forward = lambda features: torch.linalg.svdvals(features[:, None])[:, :1].expand(-1, 49)
    with pytest.raises(InputError, match=r"cannot be written as ONNX: .*svdvals"):
        export_onnx(unknown, tmp_path / "model.onnx")
    fixed = lifter(OneFrame)
    fixed.network.forward = lambda features: features.reshape(int(features.shape[0]), 52)[:, :49]
    with pytest.raises(InputError, match=r"cannot run this network with a batch of 1: .*Reshape"):
        export_onnx(fixed, tmp_path / "model.onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingPackageError, match=r"Export to ONNX needs the package 'onnx': pip install onnx"):
        export_onnx(KINDS["one_frame"], tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_a_camera_is_not_needed(tmp_path: Path) -> None:
    """Two cameras that see the same rays get the same answer from the file."""
    export_onnx(KINDS["one_frame"], tmp_path / "model.onnx")
    world = walk(1).positions[0, 0] @ torch.tensor([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]).double()
    world = world + torch.tensor([0.0, 1.0, 5.0])
    answers = []
    for focal in (500.0, 1500.0):
        camera = Camera.of([[focal, 0, 400], [0, focal, 300], [0, 0, 1]], image_size=(800, 600))
        rays = camera.normalise(camera.project_camera(world))[None].float()
        answers.append(
            _session(tmp_path / "model.onnx").run(None, {"rays": rays.numpy(), "scores": rays[..., 0].numpy() * 0 + 1})[
                0
            ]
        )
    torch.testing.assert_close(torch.from_numpy(answers[0]), torch.from_numpy(answers[1]), atol=1e-5, rtol=0)
