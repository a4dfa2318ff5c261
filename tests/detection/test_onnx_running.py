"""ONNX Runtime answers as torch does, for any number of pictures, and what is kept is of these very weights."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from lift3d.checkpoints import Checkpoint
from lift3d.detection import DetectSettings, detect
from lift3d.detection.onnx_running import onnx_run
from lift3d.detection.running import final_answer, torch_run, usable_device
from lift3d.errors import FileError, InputError, MissingPackageError, UnknownNameError
from lift3d.networks.lightweight_openpose import LightweightOpenPose, LightweightOpenPoseSettings
from lift3d.networks.movenet import MoveNet, MoveNetSettings
from lift3d.skeletons import get_skeleton

SMALL = MoveNetSettings(image_size=64, width=0.25, last_channels=32, pyramid=(16, 8, 8), head_channels=8)
CPU = torch.device("cpu")
FOOTAGE = Path(__file__).parents[2] / "lift3d" / "data" / "demo"


@pytest.fixture(scope="module")
def movenet():
    pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    body = get_skeleton("coco17")
    return Checkpoint(MoveNet(SMALL).eval(), SMALL, "movenet", body, body)


def assert_same(run, checkpoint, images):
    expected = torch_run(checkpoint.network, CPU)(images)
    found = run(images)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4 * theirs.abs().max().item())


def test_the_same_numbers_for_any_number_of_pictures(movenet):
    run = onnx_run(movenet)
    for count in (1, 3):
        assert_same(run, movenet, torch.randn(count, 3, 64, 64))


def test_pictures_one_after_another_give_what_they_give_together(movenet):
    images = torch.randn(3, 3, 64, 64)
    with torch.no_grad():
        together = movenet.network(images)
    for ours, theirs in zip(torch_run(movenet.network, CPU)(images), together, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_networks_of_pictures_of_any_size():
    pytest.importorskip("onnxruntime")
    settings, body = LightweightOpenPoseSettings(), get_skeleton("body18")
    encoding = {"name": "bottom_up", "image_height": 64}
    network = LightweightOpenPose(settings).eval()
    for own in network.parameters():
        if own.ndim > 1:
            torch.nn.init.kaiming_normal_(own)  # those it begins its training with give next to nothing
    own = Checkpoint(network, settings, "lightweight_openpose", body, body, encoding)
    run = onnx_run(own)
    for size in ((64, 64), (72, 48)):
        assert_same(run, own, torch.randn(1, 3, *size))
    assert final_answer(network(torch.randn(1, 3, 64, 64)))[1].shape == (1, 38, 8, 8)


def test_what_is_kept_is_used_again_and_only_for_the_same_weights(movenet, tmp_path):
    onnx_run(movenet, tmp_path / "new")
    (kept,) = (tmp_path / "new").iterdir()
    before = kept.stat().st_mtime_ns
    assert_same(onnx_run(movenet, tmp_path / "new"), movenet, torch.randn(1, 3, 64, 64))
    assert kept.stat().st_mtime_ns == before
    other = MoveNet(SMALL).eval()
    run = onnx_run(replace(movenet, network=other), tmp_path / "new")
    assert len(list((tmp_path / "new").iterdir())) == 2
    assert_same(run, replace(movenet, network=other), torch.randn(1, 3, 64, 64))


def test_what_is_kept_but_broken_is_refused(movenet, tmp_path):
    onnx_run(movenet, tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(kept.read_bytes()[:1000])
    with pytest.raises(FileError, match=r"cannot be run as ONNX.*Delete it"):
        onnx_run(movenet, tmp_path)


def test_another_answer_than_torchs_is_refused(movenet):
    class Changing(MoveNet):
        """Whose second answer is another."""

        def forward(self, images):
            output = super().forward(images)
            return output if torch.onnx.is_in_onnx_export() else output._replace(centre=output.centre + 1)

    changing = replace(movenet, network=Changing(SMALL).eval())
    with pytest.raises(InputError, match=r"differs from torch by .*Use the runtime 'torch'"):
        onnx_run(changing)


@dataclass(frozen=True)
class Unwritable:
    """A network that ONNX cannot say."""

    image_size: int = 8


class Inverse(torch.nn.Module):
    def forward(self, images):
        return (torch.linalg.eigvals(images).real,)


def test_a_network_that_cannot_be_written_is_said_so():
    pytest.importorskip("onnxruntime")
    body = get_skeleton("coco17")
    with pytest.raises(InputError, match="odd cannot be written as ONNX"):
        onnx_run(Checkpoint(Inverse(), Unwritable(), "odd", body, body))


def test_without_the_package_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingPackageError, match="pip install onnxruntime"):
        detect(FOOTAGE / "cam01.mp4", settings=DetectSettings(runtime="onnx"), progress=False)


def test_detection_is_the_same_with_either():
    pytest.importorskip("onnxruntime")
    first, second = (
        detect(FOOTAGE / "cam01.mp4", frames=2, settings=DetectSettings(runtime=name, mirror=False), progress=False)
        for name in ("torch", "onnx")
    )
    torch.testing.assert_close(first.pixels, second.pixels, rtol=0, atol=0.05, equal_nan=True)
    torch.testing.assert_close(first.scores, second.scores, rtol=0, atol=1e-3)


def test_runtimes_and_devices():
    with pytest.raises(UnknownNameError, match="runtime named 'tensorrt'"):
        DetectSettings(runtime="tensorrt")
    assert usable_device("cpu") == CPU
    for name in ("banana", "cuda:77"):
        with pytest.raises(InputError, match=f"device '{name}' cannot be used here .*Use 'cpu'"):
            usable_device(name)
