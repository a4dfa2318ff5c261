"""How well bodies fit, as numbers and tables: for the terminal and for JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from lift3d.bodies import measure
from lift3d.fitting.result import BodyFit

__all__ = ["fit_report", "joint_rows", "people_rows", "to_json"]

_BACKWARDS = math.radians(5)  # a knee or elbow bent the wrong way by more is counted


def fit_report(found: BodyFit) -> dict[str, Any]:
    """All figures of a fit, as JSON holds them.

    ``joints``: how often each was seen, its mean and 95th percentile distance from the body, and the offset that was
    found for each person (mm); ``people``: shape, measures (metres), poses fitted, mean cost of the pose prior, and how
    often a hinge was bent backwards by over 5 degrees; ``cameras``: of what was fitted to pictures, the median and
    95th percentile distance in those of each (px); ``frames``: mean distance in each (mm, null where it failed);
    ``failures``: frame, person and reason of each. People are counted from 1, frames from 0.
    """
    residuals = 1000 * found.residuals.double()
    fitted = torch.isfinite(found.translation).all(-1)
    people = []
    for person, betas in enumerate(found.betas):
        own = fitted[:, person]
        people.append(
            {
                "person": person + 1,
                "poses": int(own.sum()),
                "residual_mm": _mean(residuals[:, person]),
                "prior_cost": _mean(found.prior_cost[:, person]),
                "bent_backwards": {
                    name: int((found.bends[own, person, hinge] < -_BACKWARDS).sum())
                    for hinge, name in enumerate(found.hinges)
                },
                "betas": _rounded(betas),
                "measures": asdict(measure(found.model.with_shape(betas))),
            }
        )
    joints = {
        name: {
            "seen": int(torch.isfinite(residuals[:, :, point]).sum()),
            "mean_mm": _mean(residuals[:, :, point]),
            "most_mm": _high(residuals[:, :, point]),
            "offset_mm": [_rounded(1000 * offset) for offset in found.offsets[:, point]],
        }
        for point, name in enumerate(found.points.names)
    }
    return {
        "body": found.model.name,
        "gender": found.model.gender,
        "poses": int(fitted.sum()),
        "noise_mm": round(1000 * found.noise, 3) if found.poses.covariance is None and found.pixels is None else None,
        "residual_mm": _mean(residuals),
        "cameras": _cameras(found),
        "joints": joints,
        "people": people,
        "frames": [[_mean(person) for person in frame] for frame in residuals],
        "failures": [{**asdict(one), "person": one.person + 1} for one in found.failures],
    }


def _cameras(found: BodyFit) -> dict[str, dict[str, float | None]]:
    """How far off the bodies are in each camera's pictures."""
    if found.pixels is None:
        return {}
    return {
        name: {"median_px": _high(own, 0.5), "most_px": _high(own)}
        for name, own in zip(found.camera_names, found.pixels, strict=True)
    }


def joint_rows(report: dict[str, Any]) -> list[list[str]]:
    """Joint, times seen, mean and 95th percentile distance; the furthest first."""
    joints = [(name, own) for name, own in report["joints"].items() if own["seen"]]
    joints.sort(key=lambda one: -one[1]["mean_mm"])
    return [[name, str(own["seen"]), f"{own['mean_mm']:.1f}", f"{own['most_mm']:.1f}"] for name, own in joints]


def people_rows(found: BodyFit) -> list[list[str]]:
    """Measures: a row each, a column for each person."""
    columns = [dict(measure(found.model.with_shape(betas)).rows()) for betas in found.betas]
    return [[name, *(column[name] for column in columns)] for name in columns[0]]


def to_json(report: dict[str, Any]) -> str:
    """The report as text."""
    return json.dumps(report, indent=1, allow_nan=False)


def _mean(values: Tensor) -> float | None:
    known = values[torch.isfinite(values)]
    return round(float(known.mean()), 3) if len(known) else None


def _high(values: Tensor, share: float = 0.95) -> float | None:
    known = values[torch.isfinite(values)]
    return round(float(known.quantile(share)), 3) if len(known) else None


def _rounded(values: Tensor) -> list[float]:
    return [round(value, 4) for value in values.tolist()]
