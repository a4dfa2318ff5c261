"""The training loop: any network, any source of batches, resumable at every saved step with the same result.

All random numbers of a step follow from the seed and the step's number, so a run that was killed and resumed gives
what an unbroken one gives.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor, nn
from tqdm import tqdm

from lift3d._files import writing
from lift3d.errors import FileError

__all__ = ["LoopSettings", "train"]

LossOf = Callable[[nn.Module, Generator], Tensor]
Measure = Callable[[nn.Module], dict[str, float]]


@dataclass(frozen=True)
class LoopSettings:
    """How long and how fast.

    Args:
        steps: optimiser steps.
        learning_rate: after the warm-up; falls to zero along half a cosine.
        warmup: steps over which the learning rate rises from zero.
        weight_decay: of AdamW.
        clip: largest norm of the gradient.
        average: decay of the moving average of the weights, which is what is kept; 0 keeps the weights themselves.
        save_every: steps between two measurements and savings of the state.
        bfloat16: compute in bfloat16 where it is safe; the weights stay float32.
        device: such as ``"cpu"`` or ``"cuda"``; ``"auto"`` takes a GPU where there is one.
        seed: of everything random.
    """

    steps: int
    learning_rate: float = 1e-3
    warmup: int = 500
    weight_decay: float = 0.01
    clip: float = 1.0
    average: float = 0.999
    save_every: int = 500
    bfloat16: bool = True
    device: str = "auto"
    seed: int = 0


def train(
    network: nn.Module, loss_of: LossOf, measure: Measure, settings: LoopSettings, folder: str | Path
) -> nn.Module:
    """Train a network; returns the average of its weights, in evaluation mode, on the CPU.

    Args:
        network: with its first weights.
        loss_of: loss of one batch, drawn with the generator that it is given.
        measure: figures of a network, measured at every saving.
        settings: see :class:`LoopSettings`.
        folder: where ``state.pt`` (to resume from), ``curve.csv`` and ``curve.png`` go.

    Raises:
        FileError: the folder holds the state of another run.
    """
    folder = Path(folder)
    device = torch.device(_device(settings.device))
    network = network.to(device).train()
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(settings.average), use_buffers=True
    )
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    parts = {"network": network, "average": average, "optimiser": optimiser}
    done, rows = _resume(folder / "state.pt", parts, settings)
    bar = tqdm(range(done, settings.steps), initial=done, total=settings.steps, desc="training", unit="step")
    running = 0.0
    for step in bar:
        loss = _step(network, loss_of, optimiser, settings, step, device)
        average.update_parameters(network)
        running += loss
        if (step + 1) % settings.save_every and step + 1 < settings.steps:
            continue
        since = (step % settings.save_every) + 1
        figures = measure(average.module.eval())
        rows.append({"step": step + 1, "loss": running / since, **figures})
        running = 0.0
        bar.set_postfix({name: f"{value:.4g}" for name, value in rows[-1].items() if name != "step"})
        _save(folder, parts, step + 1, rows, settings)
    return average.module.eval().cpu()


def _step(
    network: nn.Module,
    loss_of: LossOf,
    optimiser: torch.optim.Optimizer,
    settings: LoopSettings,
    step: int,
    device: torch.device,
) -> float:
    seed = settings.seed * 1_000_003 + step
    torch.manual_seed(seed)  # dropout
    for group in optimiser.param_groups:
        group["lr"] = settings.learning_rate * _schedule(step, settings)
    optimiser.zero_grad(set_to_none=True)
    with torch.autocast(device.type, torch.bfloat16, enabled=settings.bfloat16):
        loss = loss_of(network, Generator().manual_seed(seed))
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), settings.clip)
    optimiser.step()
    return loss.item()


def _schedule(step: int, settings: LoopSettings) -> float:
    """Factor on the learning rate: a linear rise, then half a cosine down to zero."""
    if step < settings.warmup:
        return (step + 1) / settings.warmup
    progress = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return 0.5 * (1 + math.cos(math.pi * progress))


def _device(name: str) -> str:
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


def _resume(path: Path, parts: dict[str, Any], settings: LoopSettings) -> tuple[int, list[dict[str, float]]]:
    if not path.exists():
        return 0, []
    try:
        state = torch.load(path, weights_only=True)
        same = (state["seed"], state["steps"]) == (settings.seed, settings.steps)
        for name, part in parts.items() if same else ():
            part.load_state_dict(state[name])
    except Exception as error:
        raise FileError(path, f"cannot be resumed from ({error})", "Remove it to start afresh.") from error
    if not same:
        raise FileError(path, "is the state of a run with another seed or length", "Choose another --output folder.")
    return state["step"], state["rows"]


def _save(folder: Path, parts: dict[str, Any], step: int, rows: list[dict[str, float]], settings: LoopSettings) -> None:
    state = {name: part.state_dict() for name, part in parts.items()}
    with writing(folder / "state.pt") as path:
        torch.save({**state, "step": step, "rows": rows, "seed": settings.seed, "steps": settings.steps}, path)
    with writing(folder / "curve.csv") as path, path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    _draw(rows, folder / "curve.png")


def _draw(rows: list[dict[str, float]], path: Path) -> None:
    from matplotlib.figure import Figure

    names = [name for name in rows[0] if name != "step"]
    figure = Figure(figsize=(8, 3 * len(names)), layout="constrained")
    for axes, name in zip(figure.subplots(len(names), squeeze=False)[:, 0], names, strict=True):
        axes.plot([row["step"] for row in rows], [row[name] for row in rows])
        axes.set(ylabel=name, xlabel="step")
        axes.grid(alpha=0.3)
    with writing(path) as temporary:
        figure.savefig(temporary, dpi=90)
