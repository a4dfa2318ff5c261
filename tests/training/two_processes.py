"""One of two processes of a run; started by test_loop with torchrun. Arguments: folder, steps until it is killed."""

import os
import sys
from pathlib import Path

import torch
from torch import Generator, nn

from lift3d.training.loop import LoopSettings, train


def main(folder: Path, stop_after: int) -> None:
    settings = LoopSettings(
        steps=40, batch=32, learning_rate=1e-2, warmup=5, average=0.9, save_every=10, bfloat16=False, device="cpu"
    )
    torch.manual_seed(1)
    network = nn.Sequential(
        nn.Linear(3, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 128), nn.Linear(128, 1)
    )
    calls = 0

    def loss(network: nn.Module, generator: Generator, count: int) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls == stop_after:
            os._exit(9)
        inputs = torch.randn(count, 3, generator=generator)
        return (network(inputs) - inputs.sum(-1, keepdim=True)).square().mean()

    trained = train(network, loss, lambda _: {}, settings, folder)
    torch.save(trained.state_dict(), folder / f"rank{os.environ['RANK']}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
