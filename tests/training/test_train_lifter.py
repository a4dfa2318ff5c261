"""A lifter learns from a few made-up walks, end to end, through the command that users type."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from lift3d.checkpoints import load_network
from lift3d.errors import FileError, SettingsError, UnknownNameError
from lift3d.settings import read_toml, with_overrides
from lift3d.synthetic import walk
from lift3d.training.detector_settings import DetectorTraining
from lift3d.training.lifter_settings import LifterTraining
from lift3d.training.rig_settings import RigTraining
from lift3d.training.runs import run_training
from lift3d.training.triangulator_settings import TriangulatorTraining

CONFIGS = Path(__file__).parents[2] / "configs"

SMALL = ["--network.hidden=64", "--network.blocks=1", "--loop.steps=120", "--loop.save_every=40", "--loop.warmup=5",
         "--loop.batch=64", "--data.splits=['train']", "--data.hold_out=['b']", "--data.without=[]"]  # fmt: skip


@pytest.fixture
def motion(tmp_path: Path) -> Path:
    positions = np.concatenate([walk(frames=60, seed=seed).positions[:, 0].numpy() for seed in (0, 1)])
    path = tmp_path / "walks.h5"
    with h5py.File(path, "w") as file:
        file.attrs["unit_mm"] = 1000.0
        file["positions"] = positions
        group = file.create_group("clips")
        group["name"], group["subject"], group["split"] = [b"one", b"two"], [b"a", b"b"], [b"train", b"train"]
        group["start"], group["length"] = [0, 60], [60, 60]
    return path


@pytest.mark.parametrize("config", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_config_is_complete(config: Path) -> None:
    tables = read_toml(config)
    kinds = {
        "lifter": LifterTraining,
        "detector": DetectorTraining,
        "rig": RigTraining,
        "triangulator": TriangulatorTraining,
    }
    assert _names(tables) == _names(kinds[tables["kind"]].of(tables).tables())


def _names(tables: Any) -> Any:
    """The names of all settings, whatever they are."""
    if isinstance(tables, dict):
        return {name: _names(table) for name, table in tables.items()}
    if isinstance(tables, list) and tables and isinstance(tables[0], dict):
        return [_names(table) for table in tables]
    return None


def test_a_lifter_learns_and_its_weights_load(motion: Path, tmp_path: Path) -> None:
    tables = with_overrides(read_toml(CONFIGS / "train_residual_mlp_cmu.toml"), [f"--data.path={motion}", *SMALL])
    weights = run_training(tables, tmp_path / "run")
    loaded = load_network(weights)
    assert (loaded.name, loaded.skeleton.name, loaded.settings.hidden) == ("residual_mlp", "human36m17", 64)
    rows = (tmp_path / "run" / "curve.csv").read_text().splitlines()
    first, last = (float(row.split(",")[1]) for row in (rows[1], rows[-1]))
    assert last < 0.9 * first
    assert "exact_mpjpe_mm,exact_pa_mpjpe_mm,exact_within_one_sigma,detected_mpjpe_mm" in rows[0]
    assert read_toml(tmp_path / "run" / "settings.toml")["network"]["hidden"] == 64


def test_the_published_network_learns_from_virtual_cameras(motion: Path, tmp_path: Path) -> None:
    """Martinez' recipe on motion: the statistics are those of what the virtual cameras see."""
    filmed = read_toml(CONFIGS / "train_residual_mlp_cmu.toml")
    tables = {**read_toml(CONFIGS / "train_residual_mlp_human36m.toml"), "data": filmed["data"]}
    words = ["--network.inputs=34", "--noise.occluded=0.5", "--loop.learning_rate=0.003", "--network.dropout=0.0"]
    tables = with_overrides(tables, [f"--data.path={motion}", *SMALL, *words])
    loaded = load_network(run_training(tables, tmp_path / "run"))
    rows = (tmp_path / "run" / "curve.csv").read_text().splitlines()
    first, last = (float(row.split(",")[1]) for row in (rows[1], rows[-1]))
    assert 0.5 < first < 3  # squares of standardised numbers are 1 at the mean pose
    assert last < 0.8 * first
    assert max(loaded.encoding["mean_2d"]) < 1000
    assert len(loaded.encoding["std_3d"]) == 48


def test_wrong_settings_are_refused(motion: Path, tmp_path: Path) -> None:
    tables = with_overrides(read_toml(CONFIGS / "train_residual_mlp_cmu.toml"), [f"--data.path={motion}", *SMALL])
    with pytest.raises(SettingsError, match="needs 81"):
        run_training(with_overrides(tables, ["--network.outputs=48"]), tmp_path)
    with pytest.raises(SettingsError, match=r"\[?network.*No setting named 'hiden'. Did you mean 'hidden'"):
        run_training(with_overrides(tables, ["--network.hiden=48"]), tmp_path)
    with pytest.raises(UnknownNameError, match="kind of training"):
        run_training({**tables, "kind": "painter"}, tmp_path)
    with pytest.raises(FileError, match="does not exist"):
        run_training(with_overrides(tables, ["--data.path=none.h5"]), tmp_path)
