"""One body for every network: it builds from its settings, saves, loads and answers the same."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lift3d._discovery import entries_of
from lift3d.checkpoints import load_network, save_network
from lift3d.networks._entry import NetworkEntry

ENTRIES = entries_of("lift3d.networks", "NETWORK", NetworkEntry)
WIDTHS = ("hidden", "channels", "representation")


def small(name: str) -> Any:
    """Default settings, but narrow, so that the files are small."""
    settings = ENTRIES[name].settings()
    return replace(settings, **{width: 32 for width in WIDTHS if hasattr(settings, width)})


def sample(network: nn.Module, settings: Any) -> Tensor:
    """Something that the network takes: a picture, frames, or clips."""
    if hasattr(settings, "image_size"):
        return torch.randn(2, 3, settings.image_size, settings.image_size)
    context = getattr(network, "context", None)
    return torch.randn(4, settings.inputs) if context is None else torch.randn(2, sum(context) + 3, settings.inputs)


@pytest.mark.parametrize("name", ENTRIES)
def test_builds_saves_and_loads(name: str, tmp_path: Path) -> None:
    entry = ENTRIES[name]
    settings = small(name)
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
def test_lifters_answer_the_frames_that_their_context_leaves(name: str) -> None:
    settings = small(name)
    network = ENTRIES[name].build(settings).eval()
    context = getattr(network, "context", None)
    if context is None:
        return
    clip = sample(network, settings)
    answer = network(clip)
    assert answer.shape == (2, clip.shape[1] - sum(context), settings.outputs)
    assert network.longest is None or network.longest >= clip.shape[1]
    torch.testing.assert_close(network(clip[:1]), answer[:1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ENTRIES)
def test_every_parameter_learns(name: str) -> None:
    entry = ENTRIES[name]
    settings = small(name)
    network = entry.build(settings).train()
    outputs = network(sample(network, settings))
    parts = outputs if isinstance(outputs, tuple) else (outputs,)
    sum(part.square().mean() for part in parts).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
