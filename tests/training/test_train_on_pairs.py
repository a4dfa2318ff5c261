"""The published recipes run on pairs; what is measured while training is what lifting the same people then gives."""

from pathlib import Path

import pytest
import torch
from made_up_pairs import SKELETON, pairs, pairs_file

from lift3d import lift
from lift3d.checkpoints import Checkpoint, load_network
from lift3d.errors import SettingsError, UnknownNameError
from lift3d.evaluation.metrics import mpjpe
from lift3d.keypoints import Keypoints2D
from lift3d.settings import read_toml, with_overrides
from lift3d.training.runs import run_training

CONFIGS = Path(__file__).parents[2] / "configs"
QUICK = [
    "--loop.steps=300", "--loop.save_every=100", "--loop.batch=32", "--data.hold_out=['S9']", "--data.detections=''",
    "--data.cameras=''",
]  # fmt: skip
SMALL = {
    "residual_mlp": ["--network.hidden=64", "--network.blocks=1", "--network.dropout=0.0"],
    "temporal_conv": ["--network.channels=48", "--network.filter_widths=[3,3]", "--data.frames=9"],
}


def _trained(name: str, path: Path, folder: Path, *more: str) -> tuple[Checkpoint, list[dict[str, float]]]:
    words = [f"--data.path={path}", *QUICK, *SMALL[name], *more]
    weights = run_training(with_overrides(read_toml(CONFIGS / f"train_{name}_human36m.toml"), words), folder)
    names, *rows = ((folder / "curve.csv").read_text()).splitlines()
    return load_network(weights), [dict(zip(names.split(","), map(float, row.split(",")), strict=True)) for row in rows]


def _lifted_error_mm(checkpoint: Checkpoint) -> float:
    errors = []
    for number, clip in enumerate(pairs().clips):
        if clip.subject != "S9":
            continue
        assert clip.camera is not None
        pixels, scores, positions = pairs().read(number)
        keypoints = Keypoints2D.of(
            pixels[None, :, None], scores[None, :, None], skeleton=SKELETON, fps=50.0, camera_names=["one"]
        )
        poses = lift(keypoints, clip.camera, checkpoint, flip=False).positions[:, 0].float()
        errors.append(mpjpe(poses - poses[:, :1], positions - positions[:, :1]))
    return 1000 * torch.cat(errors).mean().item()


@pytest.mark.parametrize(("name", "more"), [("residual_mlp", ()), ("temporal_conv", ()),
                                            ("temporal_conv", ("--data.frames=15",))])  # fmt: skip
def test_a_recipe_learns_and_lifting_gives_what_was_measured(tmp_path: Path, name: str, more: tuple[str, ...]) -> None:
    checkpoint, rows = _trained(name, pairs_file(tmp_path), tmp_path / "run", *more)
    assert rows[-1]["loss"] < 0.8 * rows[0]["loss"]
    assert _lifted_error_mm(checkpoint) == pytest.approx(rows[-1]["held_out_mpjpe_mm"], rel=0.01)
    assert checkpoint.skeleton == SKELETON
    assert len(checkpoint.input_skeleton) == (16 if name == "residual_mlp" else 17)
    assert checkpoint.extra["trained_on"] == "80 frames of 1 subjects"


def test_statistics_are_kept_with_the_weights(tmp_path: Path) -> None:
    checkpoint, _ = _trained("residual_mlp", pairs_file(tmp_path), tmp_path / "run", "--loop.steps=2")
    assert [len(checkpoint.encoding[name]) for name in ("mean_2d", "std_2d", "mean_3d", "std_3d")] == [32, 32, 48, 48]
    assert "neck_nose" not in checkpoint.input_skeleton.joints


def test_joints_that_are_missing_or_not_known_leave_the_loss_finite(tmp_path: Path) -> None:
    path = pairs_file(tmp_path, without="left_knee", unknown="right_wrist")
    _, rows = _trained("temporal_conv", path, tmp_path / "run")
    assert rows[-1]["loss"] < 0.8 * rows[0]["loss"]
    assert rows[-1]["held_out_mpjpe_mm"] < 1e4


def test_settings_that_pairs_do_not_have_are_refused(tmp_path: Path) -> None:
    path = pairs_file(tmp_path)
    with pytest.raises(SettingsError, match=r"as they were filmed; remove \[bodies\], \[views\]"):
        _trained("temporal_conv", path, tmp_path, "--bodies.mirror=0.5", "--views.roll_deg=2.0")
    with pytest.raises(SettingsError, match=r"data\.frames is 5; this network answers from 9 frames on"):
        _trained("temporal_conv", path, tmp_path, "--data.frames=5")
    with pytest.raises(SettingsError, match="No setting named 'balance'"):
        _trained("temporal_conv", path, tmp_path, "--data.balance=0.5")
    with pytest.raises(UnknownNameError, match="motion, pairs"):
        _trained("temporal_conv", path, tmp_path, "--data.source=pears")
