"""How the learning rate and the memory of batch norm change over a run."""

from __future__ import annotations

import math

from torch import nn

from lift3d.errors import UnknownNameError

__all__ = ["SCHEDULES", "learning_rate_factor", "set_norm_momentum"]

SCHEDULES = ("cosine", "exponential", "drops", "constant")


def learning_rate_factor(
    schedule: str, step: int, steps: int, warmup: int, last: float, drops: tuple[float, ...] = ()
) -> float:
    """Factor on the learning rate in a step, from 0.

    A linear rise over the first ``warmup`` steps; then, over the rest of the run, from 1 to ``last``: along half a
    cosine, by the same share every step (exponential), by the same share at each of the ``drops``, parts of the run
    (drops), or not at all (constant).

    Raises:
        UnknownNameError: there is no such schedule.
    """
    if schedule not in SCHEDULES:
        raise UnknownNameError("schedule", schedule, SCHEDULES)
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    if schedule == "cosine":
        return last + (1 - last) * 0.5 * (1 + math.cos(math.pi * progress))
    if schedule == "drops":
        return last ** (sum(step >= round(drop * steps) for drop in drops) / max(1, len(drops)))
    return last**progress if schedule == "exponential" else 1.0


def set_norm_momentum(network: nn.Module, bounds: tuple[float, ...], step: int, steps: int) -> None:
    """How far each batch moves the statistics of a network's batch norms, as of a step: by the same share every step.

    Args:
        network: with batch norms or without.
        bounds: in the first and the last step, such as VideoPose3D's 0.1 and 0.001.
        step: from 0.
        steps: of the run.
    """
    first, last = bounds
    momentum = first * (last / first) ** (step / max(1, steps - 1))
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = momentum
