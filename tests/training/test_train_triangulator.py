"""A triangulator learns from a few made-up walks, end to end; what rigs see of them is what it should be."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from lift3d import get_skeleton
from lift3d.checkpoints import load_network, network_named
from lift3d.errors import SettingsError
from lift3d.geometry.ray_equations import ray_equations, solve_near
from lift3d.networks.view_volumes import ViewVolumes
from lift3d.settings import read_toml, with_overrides
from lift3d.synthetic import walk
from lift3d.training.body_variation import BodySettings
from lift3d.training.crowding import CrowdSettings
from lift3d.training.detector_noise import NoiseSettings
from lift3d.training.rig_samples import RigSamples, seen_by_rigs
from lift3d.training.runs import run_training
from lift3d.training.train_triangulator import triangulation_loss
from lift3d.training.triangulator_settings import TriangulationLossSettings
from lift3d.training.virtual_rigs import RigSettings

CONFIGS = Path(__file__).parents[2] / "configs"
H36M = get_skeleton("human36m17")
EXACT = NoiseSettings(exact=1, occluded=0, head_missing=0)
ALONE = CrowdSettings()
AS_THEY_ARE = BodySettings(body_scale=0, bone_scale=0, tilt_deg=0, mirror=0)
SMALL = ["--loop.steps=60", "--loop.save_every=30", "--loop.warmup=5", "--loop.batch=16", "--data.splits=['train']",
         "--data.hold_out=['b']", "--data.without=[]", "--rigs.views=[3, 4]"]  # fmt: skip
NARROW = ["--network.width=16", "--network.layers=1", "--network.heads=2"]


@pytest.fixture(scope="module")
def motion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    positions = np.concatenate([walk(frames=60, seed=seed).positions[:, 0].numpy() for seed in (0, 1)])
    path = tmp_path_factory.mktemp("motion") / "walks.h5"
    with h5py.File(path, "w") as file:
        file.attrs["unit_mm"] = 1000.0
        file["positions"] = positions
        group = file.create_group("clips")
        group["name"], group["subject"], group["split"] = [b"one", b"two"], [b"a", b"b"], [b"train", b"train"]
        group["start"], group["length"] = [0, 60], [60, 60]
    return path


@pytest.fixture(scope="module")
def judge(motion: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judge")
    tables = read_toml(CONFIGS / "train_view_attention_cmu.toml")
    return run_training(with_overrides(tables, [f"--data.path={motion}", *SMALL, *NARROW]), folder)


def samples(
    noise: NoiseSettings = EXACT, views: int = 4, rigs: RigSettings | None = None, crowd: CrowdSettings = ALONE
) -> RigSamples:
    motion = walk(frames=40).positions
    generator = torch.Generator().manual_seed(0)
    return seen_by_rigs(motion, views, H36M, rigs or RigSettings(), AS_THEY_ARE, noise, crowd, generator)


def projected(own: RigSamples) -> torch.Tensor:
    local = torch.einsum("bvxy,bjy->bvjx", own.rotation, own.positions) + own.translation[:, :, None]
    return local[..., :2] / local[..., 2:]


def test_exact_detections_are_the_joints_seen_by_the_calibrated_cameras() -> None:
    own = samples()
    torch.testing.assert_close(own.rays, projected(own), rtol=0, atol=1e-5)
    assert bool((own.scores == 1).all())
    centre = -(own.rotation.mT @ own.translation[..., None])[..., 0]
    assert float(centre.mean(1).abs().max()) < 1e-4


def test_cameras_that_are_not_where_they_are_said_to_be_see_the_joints_elsewhere() -> None:
    own = samples(rigs=RigSettings(turned_deg=0.5))
    off = (own.rays - projected(own)).norm(dim=-1)
    assert 0.005 < float(off.mean()) < 0.02  # half a degree is 0.0087 about each axis


def test_missing_detections_are_finite_and_have_no_score() -> None:
    own = samples(NoiseSettings(exact=0, occluded=1, joint_missing=0.3))
    assert bool(own.rays.isfinite().all())
    assert bool((own.rays[own.scores == 0] == 0).all())
    assert 0.1 < float((own.scores == 0).float().mean()) < 0.6


def test_a_detector_may_see_somebody_else_who_stands_beside_the_person_and_is_one_in_all_views() -> None:
    own = samples(
        crowd=CrowdSettings(crowded=1, apart_m=(1.0, 1.5), person_jump=1), rigs=RigSettings(distance_m=(4, 6))
    )
    matrices, vectors = ray_equations(own.rays, own.scores, own.rotation, own.translation)
    seen = solve_near(matrices.sum(1), vectors.sum(1), own.positions)
    apart = (seen - own.positions)[:, H36M.root]
    assert bool(((apart[:, :2].norm(dim=-1) > 0.99) & (apart[:, :2].norm(dim=-1) < 1.51)).all())
    bone = (seen[:, 1] - seen[:, 2]).norm(dim=-1)  # the same walker's, at another moment
    torch.testing.assert_close(bone, (own.positions[:, 1] - own.positions[:, 2]).norm(dim=-1), atol=2e-3, rtol=0)


def test_only_some_moments_are_crowded_and_nobody_is_seen_who_stands_at_the_camera() -> None:
    some = samples(crowd=CrowdSettings(crowded=0.5, person_jump=1))
    elsewhere = ((some.rays - projected(some)).norm(dim=-1) > 1e-4).all(-1).all(-1)
    assert 0.2 < float(elsewhere.float().mean()) < 0.8
    close = samples(
        crowd=CrowdSettings(crowded=1, apart_m=(2.0, 3.0), person_jump=1), rigs=RigSettings(even=1, distance_m=(2, 3))
    )
    own = ((close.rays - projected(close)).norm(dim=-1) < 1e-4).all(-1)
    assert bool(own.any())
    assert not bool(own.all())


def test_the_loss_is_the_distance_in_metres_and_the_likelihood_of_the_errors() -> None:
    own = samples(NoiseSettings(exact=0, occluded=0, head_missing=0))
    entry = network_named("view_attention")
    network = entry.build(entry.settings(width=16, layers=1, heads=2))
    numbers = torch.arange(17).expand(len(own.rays), -1)
    judged = network(*own[:4], numbers)
    distance = triangulation_loss(network, own, numbers, TriangulationLossSettings(2.0, 10.0, 0.0))
    assert distance.item() == pytest.approx(2 * (judged.positions - own.positions).norm(dim=-1).mean().item(), rel=1e-4)
    normal = torch.distributions.Normal(0.0, judged.deviation[..., None])
    expected = -(normal.log_prob(own.rays - projected(own)).sum(-1) + np.log(2 * np.pi)).mean()
    likelihood = triangulation_loss(network, own, numbers, TriangulationLossSettings(0.0, 10.0, 1.0))
    torch.testing.assert_close(likelihood, expected)


def test_a_judge_learns_and_its_weights_load(judge: Path) -> None:
    loaded = load_network(judge)
    assert (loaded.name, loaded.skeleton.name, loaded.settings.width) == ("view_attention", "human36m17", 16)
    rows = [row.split(",") for row in (judge.parent / "curve.csv").read_text().splitlines()]
    assert rows[0] == ["step", "loss", "views_2_mm", "views_4_mm", "views_4_crowded_mm"]
    assert float(rows[-1][1]) < float(rows[1][1])
    assert float(rows[-1][3]) < float(rows[-1][2])  # four views see better than two


def test_volumes_begin_from_a_judge_that_stays_as_it_is(judge: Path, motion: Path, tmp_path: Path) -> None:
    tables = read_toml(CONFIGS / "train_view_volumes_cmu.toml")
    own = [f"--data.path={motion}", *SMALL, f"--start={judge}", "--loop.steps=4", "--loop.save_every=4",
           "--network.judge.width=16", "--network.judge.layers=1", "--network.judge.heads=2", "--network.cells=8",
           "--network.v2v.channels=[4, 8]", "--network.v2v.front_channels=4"]  # fmt: skip
    loaded = load_network(run_training(with_overrides(tables, own), tmp_path))
    assert loaded.name == "view_volumes"
    assert isinstance(loaded.network, ViewVolumes)
    given = load_network(judge).network.state_dict()
    for name, tensor in loaded.network.judge.state_dict().items():
        torch.testing.assert_close(tensor, given[name])
    last = list(loaded.network.v2v.parameters())[-2]
    assert float(last.detach().abs().max()) > 0  # has learned: it started at 0


def test_settings_that_cannot_be_are_refused(motion: Path, tmp_path: Path) -> None:
    tables = with_overrides(read_toml(CONFIGS / "train_view_attention_cmu.toml"), [f"--data.path={motion}", *SMALL])
    with pytest.raises(SettingsError, match="frames=1"):
        run_training(with_overrides(tables, ["--data.frames=9"]), tmp_path / "one")
    with pytest.raises(SettingsError, match="16 joints; the motion has 17"):
        run_training(with_overrides(tables, ["--network.joints=16"]), tmp_path / "two")
