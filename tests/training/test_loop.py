"""A run that is killed and resumed gives what an unbroken one gives; settings do what they say."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Generator, nn

from lift3d.errors import FileError, UnknownNameError
from lift3d.training.loop import LoopSettings, train
from lift3d.training.optimisers import OPTIMISERS, optimisers_for


def _network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Linear(3, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 128), nn.Linear(128, 1)
    )


def _loss(network: nn.Module, generator: Generator, count: int) -> torch.Tensor:
    inputs = torch.randn(count, 3, generator=generator)
    return (network(inputs).float() - inputs.sum(-1, keepdim=True)).square().mean()


def _measure(network: nn.Module) -> dict[str, float]:
    inputs = torch.randn(256, 3, generator=Generator().manual_seed(9))
    with torch.no_grad():
        return {"error": (network(inputs) - inputs.sum(-1, keepdim=True)).square().mean().item()}


SETTINGS = LoopSettings(
    steps=60, batch=32, learning_rate=1e-2, warmup=5, average=0.9, save_every=20, bfloat16=False, device="cpu"
)


def test_learns_and_keeps_curves(tmp_path: Path) -> None:
    trained = train(_network(), _loss, _measure, replace(SETTINGS, steps=300, save_every=100), tmp_path)
    assert _measure(trained)["error"] < 0.5 * _measure(_network().eval())["error"]
    rows = (tmp_path / "curve.csv").read_text().splitlines()
    assert rows[0] == "step,loss,error"
    assert [row.split(",")[0] for row in rows[1:]] == ["100", "200", "300"]
    assert (tmp_path / "curve.png").stat().st_size > 1000


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_a_killed_run_goes_on_to_the_same_result(tmp_path: Path, optimiser: str) -> None:
    settings = replace(SETTINGS, optimiser=optimiser)
    whole = train(_network(), _loss, _measure, settings, tmp_path / "whole")
    calls = 0

    def killed(network: nn.Module, generator: Generator, count: int) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls == 47:
            raise KeyboardInterrupt
        return _loss(network, generator, count)

    with pytest.raises(KeyboardInterrupt):
        train(_network(), killed, _measure, settings, tmp_path / "broken")
    resumed = train(_network(), _loss, _measure, settings, tmp_path / "broken")
    for key, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[key], value, rtol=0, atol=0)
    assert (tmp_path / "whole/curve.csv").read_text() == (tmp_path / "broken/curve.csv").read_text()


def test_another_runs_folder_or_a_damaged_state_is_refused(tmp_path: Path) -> None:
    train(_network(), _loss, _measure, SETTINGS, tmp_path)
    with pytest.raises(FileError, match="another seed, length"):
        train(_network(), _loss, _measure, replace(SETTINGS, steps=61), tmp_path)
    (tmp_path / "state.pt").write_bytes(b"no state")
    with pytest.raises(FileError, match="cannot be resumed"):
        train(_network(), _loss, _measure, SETTINGS, tmp_path)


def test_bfloat16_is_for_the_network_alone(tmp_path: Path) -> None:
    precise = torch.tensor([[1 + 2.0**-12, 1.0, 1.0]])

    def loss(network: nn.Module, generator: Generator, count: int) -> torch.Tensor:
        assert (precise @ torch.eye(3)).sub(1)[0, 0].item() == 2.0**-12
        answer = network(precise.expand(count, 3) @ torch.eye(3))
        assert answer.dtype == torch.float32
        assert (answer == answer.bfloat16().float()).all()
        return answer.mean()

    train(_network(), loss, _measure, replace(SETTINGS, steps=2, bfloat16=True), tmp_path)


def test_seeds_change_the_result(tmp_path: Path) -> None:
    first = train(_network(), _loss, _measure, SETTINGS, tmp_path / "a")
    second = train(_network(), _loss, _measure, replace(SETTINGS, seed=1), tmp_path / "b")
    assert not torch.equal(first.state_dict()["0.weight"], second.state_dict()["0.weight"])


def test_two_processes_end_with_the_same_weights_and_learn_what_one_learns(tmp_path: Path) -> None:
    """Under torchrun, each process draws half a batch; killed and resumed they give the same."""
    script = Path(__file__).parent / "two_processes.py"

    def run(folder: Path, stop_after: int) -> list[dict[str, torch.Tensor]]:
        command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
        done = subprocess.run(
            [sys.executable, *command, str(folder), str(stop_after)], capture_output=True, text=True, check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}, timeout=120,
        )  # fmt: skip
        assert (done.returncode == 0) is (stop_after == 0), done.stderr[-2000:]
        return [torch.load(path) for path in sorted(folder.glob("rank*.pt"))]

    first, second = run(tmp_path / "whole", 0)
    learned = [name for name, _ in _network().named_parameters()]  # each process has its own batch statistics
    assert all(torch.equal(first[key], second[key]) for key in learned)
    run(tmp_path / "broken", 25)
    resumed, _ = run(tmp_path / "broken", 0)
    assert all(torch.equal(first[key], resumed[key]) for key in first)
    network = _network().eval()
    before = _measure(network)["error"]
    network.load_state_dict(first)
    assert _measure(network)["error"] < 0.7 * before


def test_muon_changes_the_matrices_inside_and_adamw_the_rest() -> None:
    network = nn.Sequential(nn.Linear(52, 256), nn.LayerNorm(256), nn.Linear(256, 256), nn.Linear(256, 81))
    adamw, muon = optimisers_for(network, "muon", 1e-3, 0.0)
    assert [tuple(weight.shape) for weight in muon.param_groups[0]["params"]] == [(256, 256)]
    assert len(adamw.param_groups[0]["params"]) == len(list(network.parameters())) - 1
    assert len(optimisers_for(network, "adamw", 1e-3, 0.0)) == 1
    with pytest.raises(UnknownNameError, match="adamw, amsgrad, muon"):
        optimisers_for(network, "sgd", 1e-3, 0.0)
