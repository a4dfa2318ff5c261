"""How the learning rate changes over a run."""

from __future__ import annotations

import math

from lift3d.errors import UnknownNameError

__all__ = ["SCHEDULES", "learning_rate_factor"]

SCHEDULES = ("cosine", "exponential", "constant")


def learning_rate_factor(schedule: str, step: int, steps: int, warmup: int, last: float) -> float:
    """Factor on the learning rate in a step, from 0.

    A linear rise over the first ``warmup`` steps; then, over the rest of the run, from 1 to ``last``: along half a
    cosine, by the same share every step (exponential), or not at all (constant).

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
    return last**progress if schedule == "exponential" else 1.0
