"""What `lift3d info networks` prints: networks with their size and cost, and the checkpoints that become them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from lift3d._discovery import entries_of
from lift3d.cli._tables import table
from lift3d.importers import all_importers
from lift3d.networks._entry import NetworkEntry, PublishedSize

__all__ = ["network_table"]

_LONG = 1000  # answers of a long clip
_NOTES = f"""\
Networks of joints: with default settings; the cost is that within a clip of {_LONG} answers, or of as many frames as
are taken at once.
Networks of pictures: "multiply-adds" are those really done, in 10^9: a transposed convolution does those of its kernel
once for each cell that it is given. "by papers" is how HRNet's and SimpleBaseline's authors count: a transposed
convolution's for each cell that comes out (four times those really done, as it doubles both sides), and in 2^30.
"published" is what the literature says, parameters and operations; idle are tensors of published files that no answer
depends on, which are left out here.
Networks of several views and of volumes: with default settings, multiply-adds of one call with the input shown.
Checkpoints of others: lift3d convert CHECKPOINT NAME.safetensors"""


def network_table() -> str:
    """Networks of joints, of pictures and of several views, and the published checkpoints that `convert` reads."""
    entries = entries_of("lift3d.networks", "NETWORK", NetworkEntry).values()
    joints = [_row(entry) for entry in entries if not entry.published and entry.example is None]
    views = [_example_row(entry) for entry in entries if entry.example is not None]
    pictures = [_published_row(entry, size) for entry in entries for size in entry.published]
    importers = all_importers().values()
    sources = [[one.name, ", ".join(one.networks), ", ".join(one.options), one.about] for one in importers]
    tables = [
        table(["network", "parameters", "multiply-adds a frame", "input", "output", "about"], joints),
        table(
            ["network", "size", "parameters", "multiply-adds", "by papers", "published", "input", "output", "from"],
            pictures,
        ),
        table(["network", "parameters", "multiply-adds", "input", "output", "from", "about"], views),
        _NOTES,
        table(["checkpoint", "becomes", "options", "about"], sources),
    ]
    return "\n\n".join(tables)


def _row(entry: NetworkEntry) -> list[str]:
    """Name, size, cost, input and output; counted without computing anything."""
    settings = entry.settings()
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        network = entry.build(settings).eval()
        sample, given = _sample(network, settings)
        answer = network(sample)
    cost = counter.get_total_flops() / 2 / answer.shape[:-1].numel()
    return [entry.name, _size(network), f"{cost / 1e6:.1f} M", given, str(settings.outputs), entry.about]


def _published_row(entry: NetworkEntry, size: PublishedSize) -> list[str]:
    """The same of a network of pictures, with both ways to count."""
    width, height = size.image_size
    with torch.device("meta"):
        network = entry.build(size.settings).eval()
    parameters = _size(network)
    operations, more, answer = _counted(network, torch.empty(1, 3, height, width, device="meta"))
    by_papers = f"{(operations + more) / 2**30:.2f} G"
    return [
        entry.name, size.name, parameters, f"{operations / 1e9:.2f} G", by_papers, size.published,
        f"{width}x{height}", _shapes(answer), _sources(entry),
    ]  # fmt: skip


def _example_row(entry: NetworkEntry) -> list[str]:
    """The same of a network that says itself what it takes; only the first of its inputs and answers are shown."""
    assert entry.example is not None
    settings = entry.settings()
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        network, given = entry.build(settings).eval(), entry.example(settings)
        answer = network(*given)
    cost = f"{counter.get_total_flops() / 2e9:.2f} G"
    first = answer if isinstance(answer, Tensor) else answer[0]
    return [entry.name, _size(network), cost, _shapes(given[:1]), _shapes(first), _sources(entry), entry.about]


def _sources(entry: NetworkEntry) -> str:
    """The published checkpoints that become this network."""
    return ", ".join(one.name for one in all_importers().values() if entry.name in one.networks)


def _counted(network: nn.Module, images: Tensor) -> tuple[float, int, Any]:
    """Multiply-adds, how many more of transposed convolutions the papers count, and the last answer.

    Takes the network's batch norms away: they count for nothing and take most of the time.
    """
    more = []

    def count(layer: nn.Module, given: tuple[Tensor, ...], answer: Tensor) -> None:
        assert isinstance(layer, nn.ConvTranspose2d)
        cells = answer.shape[-2:].numel() - given[0].shape[-2:].numel()
        more.append(layer.weight.numel() * cells)

    for module in list(network.modules()):
        if isinstance(module, nn.ConvTranspose2d):
            module.register_forward_hook(count)
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
    with torch.no_grad(), FlopCounterMode(display=False) as done:
        answer = network(images)
    last = answer if hasattr(answer, "_fields") else answer[-1]
    return done.get_total_flops() / 2, sum(more), last


def _size(network: nn.Module) -> str:
    return f"{sum(parameter.numel() for parameter in network.parameters()) / 1e6:.2f} M"


def _shapes(answer: Any) -> str:
    """Such as "17x64x48", joined where the answer is a tuple of several."""
    parts = (answer,) if isinstance(answer, Tensor) else answer
    return ", ".join("x".join(map(str, part.shape[1:])) for part in parts)


def _sample(network: nn.Module, settings: object) -> tuple[Tensor, str]:
    """An input, and how a person would call it."""
    inputs = getattr(settings, "inputs")  # noqa: B009  settings of any lifter
    context = getattr(network, "context", None)
    if context is None:
        return torch.empty(1, inputs), f"{inputs}"
    longest = getattr(network, "longest", None)
    if longest is not None:
        return torch.empty(1, longest, inputs), f"{inputs} x up to {longest} frames"
    return torch.empty(1, _LONG + sum(context), inputs), f"{inputs} x {1 + sum(context)} frames"
