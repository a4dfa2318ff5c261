"""The training loop: any network, any source of batches, resumable at every saved step with the same result.

All random numbers of a step follow from the seed, the step's number and the process's rank, so a run that was killed
and resumed gives what an unbroken one gives. Under torchrun each process draws its part of the batch and the
gradients are averaged.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor, nn
from tqdm import tqdm

from lift3d._files import writing
from lift3d.errors import FileError, SettingsError
from lift3d.training.curves import save_curves
from lift3d.training.optimisers import optimisers_for
from lift3d.training.processes import Processes, processes
from lift3d.training.schedules import learning_rate_factor, set_norm_momentum

__all__ = ["LoopSettings", "train"]

_QUIET_SECONDS = 30.0  # between two lines of progress that nobody watches

LossOf = Callable[[nn.Module, Generator, int], Tensor]
Measure = Callable[[nn.Module], dict[str, float]]


@dataclass(frozen=True)
class LoopSettings:
    """How long and how fast.

    Args:
        steps: optimiser steps.
        batch: samples of one step, of all processes together.
        optimiser: ``"adamw"``, ``"amsgrad"`` or ``"muon"``; see ``lift3d.training.optimisers``.
        learning_rate: after the warm-up.
        schedule: ``"cosine"``, ``"exponential"``, ``"drops"`` or ``"constant"``; see ``lift3d.training.schedules``.
        last: factor on the learning rate at the end.
        drops: after which parts of the steps the learning rate drops, with that schedule.
        warmup: steps over which the learning rate rises from zero.
        weight_decay: of any.
        clip: largest norm of the gradient; 0 leaves it as it is.
        average: decay of the moving average of the weights, which is what is kept; 0 keeps the weights themselves.
        norm_momentum: how far each batch moves the statistics of batch norm, in the first and in the last step.
        save_every: steps between two measurements and savings of the state.
        bfloat16: let the network compute in bfloat16 where it is safe; its weights and answers stay float32, and so do
            its samples and the loss.
        device: such as ``"cpu"`` or ``"cuda"``; ``"auto"`` takes a GPU where there is one.
        seed: of everything random.

    Raises:
        SettingsError: the momenta are not two numbers above 0.
    """

    steps: int
    batch: int = 1024
    optimiser: str = "adamw"
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    last: float = 0.0
    drops: tuple[float, ...] = ()
    warmup: int = 500
    weight_decay: float = 0.01
    clip: float = 1.0
    average: float = 0.999
    norm_momentum: tuple[float, ...] = (0.1, 0.1)
    save_every: int = 500
    bfloat16: bool = True
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.norm_momentum) != 2 or min(self.norm_momentum) <= 0:
            raise SettingsError(f"norm_momentum is {self.norm_momentum}; expected two numbers above 0.")


def train(
    network: nn.Module, loss_of: LossOf, measure: Measure, settings: LoopSettings, folder: str | Path
) -> nn.Module:
    """Train a network; returns the average of its weights, in evaluation mode, on the CPU.

    Args:
        network: with its first weights.
        loss_of: ``loss_of(network, generator, count)``: loss of so many samples, drawn with the generator.
        measure: figures of a network, measured at every saving.
        settings: see :class:`LoopSettings`.
        folder: where ``state.pt`` (to resume from), ``curve.csv`` and ``curve.png`` go.

    Raises:
        FileError: the folder holds the state of another run.
    """
    with processes(settings.device) as own:
        return _Run(network, settings, Path(folder), own).until_the_end(loss_of, measure)


class _InBfloat16(nn.Module):
    """A network that computes in bfloat16; what it is given and what becomes of its answers keeps its precision."""

    def __init__(self, network: nn.Module, device: str) -> None:
        super().__init__()
        self.network, self.device = network, device

    def forward(self, *inputs: Tensor) -> Any:
        with torch.autocast(self.device, torch.bfloat16):
            return _in_single_precision(self.network(*inputs))


def _in_single_precision(answer: Any) -> Any:
    """A tensor, or tuples of tensors."""
    if isinstance(answer, Tensor):
        return answer.float() if answer.is_floating_point() else answer
    parts = [_in_single_precision(part) for part in answer]
    return answer._make(parts) if hasattr(answer, "_make") else tuple(parts)


class _Run:
    """A run at some step: the network, the average of its weights, the optimiser, and the figures so far."""

    def __init__(self, network: nn.Module, settings: LoopSettings, folder: Path, own: Processes) -> None:
        self.settings, self.folder, self.own = settings, folder, own
        self.network = network.to(own.device).train()
        self.average = torch.optim.swa_utils.AveragedModel(
            self.network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(settings.average), use_buffers=True
        )
        self.optimisers = optimisers_for(
            self.network, settings.optimiser, settings.learning_rate, settings.weight_decay
        )
        self.done = 0
        self.rows: list[dict[str, float]] = []
        self._resume()
        shared = own.share(self.network)
        self.shared = _InBfloat16(shared, own.device.type) if settings.bfloat16 else shared

    def until_the_end(self, loss_of: LossOf, measure: Measure) -> nn.Module:
        steps, every = self.settings.steps, self.settings.save_every
        first = self.own.rank == 0
        bar = tqdm(
            range(self.done, steps), "training", steps, initial=self.done, unit="step", disable=not first,
            mininterval=0.1 if sys.stderr.isatty() else _QUIET_SECONDS,
        )  # fmt: skip
        running = 0.0
        for step in bar:
            running += self._step(loss_of, step)
            self.average.update_parameters(self.network)
            if (step + 1) % every and step + 1 < steps:
                continue
            if first:
                figures = measure(self.average.module.eval())
                self.rows.append({"step": step + 1, "loss": running / ((step % every) + 1), **figures})
                bar.set_postfix_str(f"loss {self.rows[-1]['loss']:.4g}", refresh=False)
                self._save(step + 1)
            running = 0.0
            self.own.wait()
        return self.average.module.eval().cpu()

    def _step(self, loss_of: LossOf, step: int) -> float:
        settings, own = self.settings, self.own
        seed = (settings.seed * 1_000_003 + step) * own.count + own.rank
        torch.manual_seed(seed)  # dropout
        factor = learning_rate_factor(
            settings.schedule, step, settings.steps, settings.warmup, settings.last, settings.drops
        )
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = settings.learning_rate * factor
            optimiser.zero_grad(set_to_none=True)
        set_norm_momentum(self.network, settings.norm_momentum, step, settings.steps)
        loss = loss_of(self.shared, Generator().manual_seed(seed), settings.batch // own.count)
        loss.backward()
        if settings.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), settings.clip)
        for optimiser in self.optimisers:
            optimiser.step()
        return loss.item()

    def _parts(self) -> dict[str, Any]:
        optimisers = {f"optimiser{number}": optimiser for number, optimiser in enumerate(self.optimisers)}
        return {"network": self.network, "average": self.average, **optimisers}

    def _same(self) -> dict[str, Any]:
        """What a state must share with this run to be gone on from."""
        return {name: getattr(self.settings, name) for name in ("seed", "steps", "batch", "learning_rate", "optimiser")}

    def _resume(self) -> None:
        path = self.folder / "state.pt"
        if not path.exists():
            return
        try:
            state = torch.load(path, map_location=self.own.device, weights_only=True)
            same = state["run"] == self._same()
            for name, part in self._parts().items() if same else ():
                part.load_state_dict(state[name])
        except Exception as error:
            raise FileError(path, f"cannot be resumed from ({error})", "Remove it to start afresh.") from error
        if not same:
            raise FileError(
                path, "is the state of a run with another seed, length, batch, optimiser or learning rate",
                "Choose another --output folder.",
            )  # fmt: skip
        self.done, self.rows = state["step"], state["rows"]

    def _save(self, step: int) -> None:
        state = {name: part.state_dict() for name, part in self._parts().items()}
        with writing(self.folder / "state.pt") as path:
            torch.save({**state, "step": step, "rows": self.rows, "run": self._same()}, path)
        save_curves(self.rows, self.folder)
