"""What an evaluation found: averages, tables, coverage, and beside them every choice that changes the numbers.

A pose's error is the mean over its joints that are there. A table's row is the mean over its poses (for a joint: over
the poses that have it). Two averages over everything are in use, and both are kept:

    over_frames    mean over all poses (Iskakov et al. 2019; mmpose)
    over_actions   mean of the means of the actions, which weighs short actions as much as long ones
                   (Martinez et al. 2017; Pavllo et al. 2019; Zhu et al. 2023)
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["EvaluationReport", "Row", "build_report"]


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Args:
        name: of the action, subject or joint.
        poses: how many poses take part.
        coverage: share, 0 to 1, of the target's joints that were predicted.
        values: number by metric, whose name ends with its unit; NaN where nothing was there.
    """

    name: str
    poses: int
    coverage: float
    values: Mapping[str, float]


@dataclass(frozen=True)
class EvaluationReport:
    """The outcome of an evaluation; prints itself as a compact table.

    Args:
        headline: name of the metric that the protocol asks for, such as ``"mpjpe_mm"``.
        averaging: ``"frames"`` or ``"actions"``: which average :attr:`values` holds.
        choices: one line each for what changes the numbers.
        poses: how many poses have at least one joint in common.
        coverage: share, 0 to 1, of the target's joints that were predicted.
        over_frames: mean over all poses, by metric.
        over_actions: mean of the actions' means, by metric; empty where there are no actions.
        per_action, per_subject, per_joint: tables; empty where there are no labels.
    """

    headline: str
    averaging: str
    choices: tuple[str, ...]
    poses: int
    coverage: float
    over_frames: Mapping[str, float]
    over_actions: Mapping[str, float]
    per_action: tuple[Row, ...]
    per_subject: tuple[Row, ...]
    per_joint: tuple[Row, ...]

    @property
    def values(self) -> Mapping[str, float]:
        """The average that the protocol asks for, by metric."""
        return self.over_actions if self.averaging == "actions" else self.over_frames

    @property
    def averages(self) -> tuple[Row, ...]:
        """Each published way of averaging as a row."""
        rows = [Row("mean over frames", self.poses, self.coverage, self.over_frames)]
        if self.over_actions:
            rows.append(Row("mean of actions", self.poses, self.coverage, self.over_actions))
        return tuple(rows)

    def tables(self) -> dict[str, tuple[Row, ...]]:
        """The tables that have rows, by title."""
        tables = {
            "average": self.averages,
            "action": self.per_action,
            "subject": self.per_subject,
            "joint": self.per_joint,
        }
        return {title: rows for title, rows in tables.items() if rows}

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries and lists; NaN becomes None."""
        return {
            "headline": self.headline,
            "averaging": self.averaging,
            "choices": list(self.choices),
            "poses": self.poses,
            "coverage": _plain(self.coverage),
            "over_frames": {name: _plain(value) for name, value in self.over_frames.items()},
            "over_actions": {name: _plain(value) for name, value in self.over_actions.items()},
            **{
                f"per_{title}": [_row_to_dict(row) for row in rows]
                for title, rows in self.tables().items()
                if title != "average"
            },
        }

    def to_json(self) -> str:
        """The report as JSON text; units are in the names, NaN is null."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"

    def to_markdown(self) -> str:
        """The report as Markdown: the headline, the choices, then the tables."""
        parts = [f"**{self._headline()}**", "\n".join(f"- {choice}" for choice in self.choices)]
        for title, rows in self.tables().items():
            header, *lines = _cells(title, rows)
            ruler = ["---", *["---:"] * (len(header) - 1)]
            parts.append("\n".join(f"| {' | '.join(cells)} |" for cells in (header, ruler, *lines)))
        return "\n\n".join(parts) + "\n"

    def to_text(self) -> str:
        """The report for the terminal: the headline, the choices, and one aligned table."""
        tables = {title: _cells(title, rows) for title, rows in self.tables().items()}
        every_line = [line for lines in tables.values() for line in lines]
        widths = [max(len(cell) for cell in column) for column in zip(*every_line, strict=True)]
        parts = [self._headline(), *(f"  {choice}" for choice in self.choices)]
        for lines in tables.values():
            parts.append("")
            for name, *numbers in lines:
                columns = [number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True)]
                parts.append("  ".join([name.ljust(widths[0]), *columns]))
        return "\n".join(parts) + "\n"

    def __str__(self) -> str:
        return self.to_text()

    def _headline(self) -> str:
        way = "mean of the actions' means" if self.averaging == "actions" else "mean over all frames"
        number = _number(self.headline, self.values[self.headline])
        return f"{self.headline} = {number} ({way}; {self.poses} poses, coverage {100 * self.coverage:.1f} %)"


def build_report(
    errors: Mapping[str, Float[Tensor, "poses joints"]],
    wanted: Bool[Tensor, "poses joints"],
    joints: Sequence[str],
    *,
    headline: str,
    averaging: str,
    choices: Sequence[str],
    actions: Sequence[str] = (),
    subjects: Sequence[str] = (),
) -> EvaluationReport:
    """Averages and tables of errors of single joints.

    Args:
        errors: by metric, in the unit that its name ends with; NaN where missing. The headline's decide what counts
            as predicted.
        wanted: which joints the target has.
        joints: names of the joints.
        headline: the metric that is asked for.
        averaging: ``"frames"`` or ``"actions"``.
        choices: lines to print.
        actions: label of each pose, or none.
        subjects: label of each pose, or none.
    """
    predicted = ~torch.isnan(errors[headline])
    per_pose = {name: values.nanmean(-1) for name, values in errors.items()}
    rows = {kind: _grouped(per_pose, predicted, wanted, labels) for kind, labels in (("a", actions), ("s", subjects))}
    over_actions = {
        name: _mean(torch.tensor([row.values[name] for row in rows["a"]], dtype=torch.float64))
        for name in (errors if rows["a"] else ())
    }
    per_joint = tuple(
        _row(joint, {name: values[:, i] for name, values in errors.items()}, predicted[:, i], wanted[:, i])
        for i, joint in enumerate(joints)
    )
    whole = _row("all", per_pose, predicted, wanted)
    return EvaluationReport(
        headline=headline,
        averaging=averaging,
        choices=tuple(choices),
        poses=whole.poses,
        coverage=whole.coverage,
        over_frames=whole.values,
        over_actions=over_actions,
        per_action=rows["a"],
        per_subject=rows["s"],
        per_joint=per_joint,
    )


def _grouped(
    per_pose: Mapping[str, Tensor], predicted: Tensor, wanted: Tensor, labels: Sequence[str]
) -> tuple[Row, ...]:
    """One row a label, in the order in which labels first occur."""
    members: dict[str, list[int]] = {}
    for pose, label in enumerate(labels):
        members.setdefault(label, []).append(pose)
    return tuple(
        _row(label, {name: values[own] for name, values in per_pose.items()}, predicted[own], wanted[own])
        for label, own in members.items()
    )


def _row(name: str, values: Mapping[str, Tensor], predicted: Tensor, wanted: Tensor) -> Row:
    poses = predicted.reshape(len(predicted), -1).any(-1).sum().item()
    share = (predicted & wanted).sum().item() / max(wanted.sum().item(), 1)
    return Row(name, int(poses), share, {metric: _mean(numbers) for metric, numbers in values.items()})


def _mean(values: Tensor) -> float:
    """Mean of what is not NaN, in double precision; NaN where nothing is left."""
    return values.double().nanmean().item()


def _plain(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _row_to_dict(row: Row) -> dict[str, Any]:
    values = {name: _plain(value) for name, value in row.values.items()}
    return {"name": row.name, "poses": row.poses, "coverage": _plain(row.coverage), **values}


def _number(metric: str, value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.{2 if metric.startswith('mpjve') else 1}f}"


def _cells(title: str, rows: Sequence[Row]) -> list[list[str]]:
    """The header and the lines of a table, as text."""
    metrics = list(rows[0].values)
    lines = [
        [row.name, *(_number(name, row.values[name]) for name in metrics), str(row.poses), f"{100 * row.coverage:.1f}"]
        for row in rows
    ]
    return [[title, *metrics, "poses", "coverage_percent"], *lines]
