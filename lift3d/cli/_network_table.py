"""What `lift3d info networks` prints: networks with their size and cost, and the checkpoints that become them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from lift3d._discovery import entries_of
from lift3d.cli._tables import table
from lift3d.importers import all_importers
from lift3d.networks._entry import NetworkEntry

__all__ = ["network_table"]

_LONG = 1000  # answers of a long clip


def network_table() -> str:
    """Networks of the default settings, and the published checkpoints that `lift3d convert` reads."""
    entries = entries_of("lift3d.networks", "NETWORK", NetworkEntry).values()
    networks = table(
        ["network", "parameters", "multiply-adds a frame", "input", "output", "about"],
        [_row(entry) for entry in entries],
    )
    sources = [[one.name, one.network, ", ".join(one.options), one.about] for one in all_importers().values()]
    return (
        f"{networks}\n\nWith default settings; the cost is that within a clip of {_LONG} answers, or of as many frames "
        "as are taken at once.\nPublished checkpoints: lift3d convert CHECKPOINT NAME.safetensors\n\n"
        f"{table(['checkpoint', 'becomes', 'options', 'about'], sources)}"
    )


def _row(entry: NetworkEntry) -> list[str]:
    """Name, size, cost, input and output; counted without computing anything."""
    settings = entry.settings()
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        network = entry.build(settings).eval()
        sample, given = _sample(network, settings)
        answer = network(sample)
    answers = answer.shape[:-1].numel() if isinstance(answer, Tensor) else 1
    size = sum(parameter.numel() for parameter in network.parameters())
    cost = counter.get_total_flops() / 2 / answers
    predicted = str(settings.outputs) if isinstance(answer, Tensor) else "maps"
    return [entry.name, f"{size / 1e6:.2f} M", f"{cost / 1e6:.1f} M", given, predicted, entry.about]


def _sample(network: torch.nn.Module, settings: object) -> tuple[Tensor, str]:
    """An input, and how a person would call it."""
    if side := getattr(settings, "image_size", None):
        return torch.empty(1, 3, side, side), f"picture of {side} x {side}"
    inputs = getattr(settings, "inputs")  # noqa: B009  settings of any lifter
    context = getattr(network, "context", None)
    if context is None:
        return torch.empty(1, inputs), f"{inputs}"
    longest = getattr(network, "longest", None)
    if longest is not None:
        return torch.empty(1, longest, inputs), f"{inputs} x up to {longest} frames"
    return torch.empty(1, _LONG + sum(context), inputs), f"{inputs} x {1 + sum(context)} frames"
