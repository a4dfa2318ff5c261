"""A run that is killed and resumed gives what an unbroken one gives; settings do what they say."""

from pathlib import Path

import pytest
import torch
from torch import Generator, nn

from lift3d.errors import FileError
from lift3d.training.loop import LoopSettings, train


def _network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 1))


def _loss(network: nn.Module, generator: Generator) -> torch.Tensor:
    inputs = torch.randn(32, 3, generator=generator)
    return (network(inputs).float() - inputs.sum(-1, keepdim=True)).square().mean()


def _measure(network: nn.Module) -> dict[str, float]:
    inputs = torch.randn(256, 3, generator=Generator().manual_seed(9))
    with torch.no_grad():
        return {"error": (network(inputs) - inputs.sum(-1, keepdim=True)).square().mean().item()}


SETTINGS = LoopSettings(steps=60, learning_rate=1e-2, warmup=5, average=0.9, save_every=20, device="cpu")


def test_learns_and_keeps_curves(tmp_path: Path) -> None:
    trained = train(_network(), _loss, _measure, LoopSettings(300, 1e-2, 5, average=0.9, save_every=100), tmp_path)
    assert _measure(trained)["error"] < 0.5 * _measure(_network().eval())["error"]
    rows = (tmp_path / "curve.csv").read_text().splitlines()
    assert rows[0] == "step,loss,error"
    assert [row.split(",")[0] for row in rows[1:]] == ["100", "200", "300"]
    assert (tmp_path / "curve.png").stat().st_size > 1000


def test_a_killed_run_goes_on_to_the_same_result(tmp_path: Path) -> None:
    whole = train(_network(), _loss, _measure, SETTINGS, tmp_path / "whole")
    calls = 0

    def killed(network: nn.Module, generator: Generator) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls == 47:
            raise KeyboardInterrupt
        return _loss(network, generator)

    with pytest.raises(KeyboardInterrupt):
        train(_network(), killed, _measure, SETTINGS, tmp_path / "broken")
    resumed = train(_network(), _loss, _measure, SETTINGS, tmp_path / "broken")
    for key, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[key], value, rtol=0, atol=0)
    assert (tmp_path / "whole/curve.csv").read_text() == (tmp_path / "broken/curve.csv").read_text()


def test_another_runs_folder_or_a_damaged_state_is_refused(tmp_path: Path) -> None:
    train(_network(), _loss, _measure, SETTINGS, tmp_path)
    with pytest.raises(FileError, match="another seed or length"):
        train(_network(), _loss, _measure, LoopSettings(steps=61, device="cpu"), tmp_path)
    (tmp_path / "state.pt").write_bytes(b"no state")
    with pytest.raises(FileError, match="cannot be resumed"):
        train(_network(), _loss, _measure, SETTINGS, tmp_path)


def test_seeds_change_the_result(tmp_path: Path) -> None:
    first = train(_network(), _loss, _measure, SETTINGS, tmp_path / "a")
    other = LoopSettings(steps=60, learning_rate=1e-2, warmup=5, average=0.9, save_every=20, device="cpu", seed=1)
    second = train(_network(), _loss, _measure, other, tmp_path / "b")
    assert not torch.equal(first.state_dict()["0.weight"], second.state_dict()["0.weight"])
