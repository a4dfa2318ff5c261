"""A detector's network as a function from pictures to its answer, run by torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lift3d.errors import InputError

__all__ = ["Run", "final_answer", "torch_run", "usable_device"]

Run: TypeAlias = Callable[[Float[Tensor, "batch 3 height width"]], tuple[Tensor, ...]]
"""From prepared pictures on the CPU to the tensors of the network's answer, on the CPU too."""


def final_answer(output: Any) -> tuple[Tensor, ...]:
    """The tensors of what a network of pictures gives: of the last where it gives one answer for each stage."""
    last = output if hasattr(output, "_fields") else output[-1]
    return tuple(last) if isinstance(last, tuple) else (last,)


def usable_device(name: str | torch.device) -> torch.device:
    """The device, if torch can compute on it here.

    Raises:
        InputError: it cannot.
    """
    try:
        return torch.empty(1, device=torch.device(name)).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"The device {str(name)!r} cannot be used here ({reason}). Use 'cpu'.") from error


def torch_run(network: nn.Module, device: torch.device) -> Run:
    """The network as torch runs it; on the CPU with no more pictures at once than torch has threads.

    The features of many pictures together are tensors so large that the system takes their memory back after each
    layer; clearing it anew took a third of MoveNet's time with four pictures on one thread.
    """
    network = network.to(device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    @torch.no_grad()
    def run(images: Tensor) -> tuple[Tensor, ...]:
        given = images.to(device).contiguous(memory_format=torch.channels_last)
        most = torch.get_num_threads() if device.type == "cpu" else len(given)
        parts = [final_answer(network(part)) for part in given.split(most)]
        return tuple(torch.cat(own).cpu() for own in zip(*parts, strict=True))

    return run
