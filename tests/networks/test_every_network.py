"""One body for every network: it builds from its settings, saves, loads and answers the same."""

from pathlib import Path

import pytest
import torch

from lift3d._discovery import entries_of
from lift3d.checkpoints import load_network, save_network
from lift3d.networks._entry import NetworkEntry

ENTRIES = entries_of("lift3d.networks", "NETWORK", NetworkEntry)


@pytest.mark.parametrize("name", ENTRIES)
def test_builds_saves_and_loads(name: str, tmp_path: Path) -> None:
    entry = ENTRIES[name]
    settings = entry.settings()
    network = entry.build(settings).eval()
    encoding = {"name": "screen", "with_scores": True, "mean": [0.5, 0.1]}
    save_network(
        tmp_path / "network.safetensors", network, settings, name, "human36m17", {"licence": "ours"},
        input_skeleton="coco17", encoding=encoding,
    )  # fmt: skip
    loaded = load_network(tmp_path / "network.safetensors")
    assert (loaded.name, loaded.settings, loaded.extra) == (name, settings, {"licence": "ours"})
    assert (loaded.skeleton.name, loaded.input_skeleton.name, loaded.encoding) == ("human36m17", "coco17", encoding)
    for key, value in network.state_dict().items():
        torch.testing.assert_close(loaded.network.state_dict()[key], value, rtol=0, atol=0)
    assert not loaded.network.training


@pytest.mark.parametrize("name", ENTRIES)
def test_every_parameter_learns(name: str) -> None:
    entry = ENTRIES[name]
    network = entry.build(entry.settings()).train()
    sizes = {"residual_mlp": (4, 32), "movenet": (2, 3, 256, 256)}
    outputs = network(torch.randn(sizes[name]))
    parts = outputs if isinstance(outputs, tuple) else (outputs,)
    sum(part.square().mean() for part in parts).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
