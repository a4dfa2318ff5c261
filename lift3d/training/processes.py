"""The processes of a run: one by itself, or several under torchrun, each with a part of every batch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn

from lift3d.errors import SettingsError

__all__ = ["Processes", "processes"]


@dataclass(frozen=True)
class Processes:
    """Which process this is.

    Args:
        rank: from 0; process 0 measures and saves.
        count: how many there are.
        device: of this process.
    """

    rank: int
    count: int
    device: torch.device

    def share(self, network: nn.Module) -> nn.Module:
        """The network as it is trained: of several processes, one whose gradients are the mean over all."""
        if self.count == 1:
            return network
        return nn.parallel.DistributedDataParallel(
            network, device_ids=[self.device.index] if self.device.type == "cuda" else None
        )

    def wait(self) -> None:
        """Until all processes have come this far."""
        if self.count > 1:
            distributed.barrier()


@contextmanager
def processes(device: str) -> Iterator[Processes]:
    """The processes of this run, as torchrun's environment variables tell; without these, one.

    Args:
        device: such as ``"cpu"`` or ``"cuda"``, of which each process takes its own; ``"auto"`` takes a GPU where
            there is one.

    Raises:
        SettingsError: torch does not know the device.
    """
    count, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and count > 1:
        device = f"cuda:{os.environ.get('LOCAL_RANK', rank)}"
    try:
        own = torch.device(device)
    except RuntimeError as error:
        raise SettingsError(f"loop.device is {device!r}; expected one such as 'auto', 'cpu' or 'cuda'.") from error
    if count == 1:
        yield Processes(0, 1, own)
        return
    distributed.init_process_group("nccl" if own.type == "cuda" else "gloo")
    try:
        yield Processes(rank, count, own)
    finally:
        distributed.destroy_process_group()
