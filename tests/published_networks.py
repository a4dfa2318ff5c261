"""Published networks as files of numbers: what they answer when weights and inputs are filled by rule.

``golden/{martinez,videopose3d_*,motionbert*}.npz`` and those of the networks of pictures (``simplebaseline_*``,
``hrnet_*``, ``integral_r50``, ``stacked_hourglass_*``, ``lightweight_openpose*``) and of several views (``lt_*``,
``v2v*``) hold, for the published PyTorch networks, the keys and shapes of the state dict and 2,000 or fewer numbers of
each answer; no code and no trained weights.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

GOLDEN = Path(__file__).parent / "golden"


@dataclass(frozen=True)
class Answer:
    """A published answer: its shape, and what stands at some flat places."""

    shape: tuple[int, ...]
    places: np.ndarray
    values: np.ndarray

    def check(self, answer: Tensor, tolerance: float = 1e-4) -> None:
        """Ours, of any shape, holds the published numbers, to a fraction of the largest."""
        assert answer.numel() == np.prod(self.shape)
        ours = answer.detach().flatten().numpy()[self.places]
        np.testing.assert_allclose(ours, self.values, rtol=0, atol=tolerance * np.abs(self.values).max())


@dataclass(frozen=True)
class Published:
    """State dict by rule, input by rule, and the published answers."""

    state: dict[str, Tensor]
    features: Tensor
    answers: tuple[Answer, ...]

    def assert_answers(self, *answers: Tensor, tolerance: float = 1e-4) -> None:
        """The answers are the published ones; see :meth:`Answer.check`."""
        for theirs, ours in zip(self.answers, answers, strict=True):
            theirs.check(ours, tolerance)


def published(name: str) -> Published:
    """The published network of a golden file, such as ``"martinez"``."""
    with np.load(GOLDEN / f"{name}.npz") as golden:
        keys = json.loads(bytes(golden["keys"]))
        features = np.random.default_rng(1).standard_normal(golden["input0_shape"]).astype("f4")
        count = sum(key.endswith("_values") for key in golden.files)
        answers = [[golden[f"output{i}_{part}"] for part in ("shape", "at", "values")] for i in range(count)]
        return Published(
            state={key: torch.as_tensor(weights_by_rule(key, shape)) for key, shape, _ in keys},
            features=torch.from_numpy(features),
            answers=tuple(Answer(tuple(shape.tolist()), at, values) for shape, at, values in answers),
        )


def weights_by_rule(key: str, shape: list[int]) -> np.ndarray:
    """The weights of a published key."""
    random = np.random.default_rng(zlib.crc32(key.encode()))
    last = key.rpartition(".")[2]
    if last == "num_batches_tracked":
        return np.zeros(shape, "i8")
    if last == "running_var":
        return random.uniform(0.5, 1.5, shape).astype("f4")
    if last == "running_mean":
        return (0.1 * random.standard_normal(shape)).astype("f4")
    if len(shape) < 2:
        values = random.uniform(0.3, 0.7, shape) if last == "weight" else 0.05 * random.standard_normal(shape)
        return values.astype("f4")
    return (random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))).astype("f4")
