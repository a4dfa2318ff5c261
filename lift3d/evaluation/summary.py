"""Labelled samples under several protocols at once: the numbers that papers print, side by side.

The same predictions have many published numbers: two schools number their protocols differently, 14 or 17 joints are
averaged, over all frames or over the means of the actions. Here each stands beside its name and its choices.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lift3d.errors import InputError
from lift3d.evaluation._tables import markdown_table, text_table
from lift3d.evaluation.labelled import evaluate_samples
from lift3d.evaluation.protocols import (
    Protocol,
    aliases_of,
    everyone,
    get_protocol,
    protocols_named,
    published_protocols,
)
from lift3d.evaluation.report import EvaluationReport
from lift3d.evaluation.samples import PoseSamples

__all__ = ["ProtocolReports", "evaluate_protocols"]


@dataclass(frozen=True)
class ProtocolReports:
    """What each protocol found.

    Args:
        reports: by the protocol's name.
        aliases: what papers call each of them.
        refused: why a protocol could not be measured, by its name.
    """

    reports: Mapping[str, EvaluationReport]
    aliases: Mapping[str, Sequence[str]]
    refused: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries and lists; NaN becomes None."""
        reports = {
            name: {"aliases": list(self.aliases[name]), **report.to_dict()} for name, report in self.reports.items()
        }
        return {"protocols": reports, "refused": dict(self.refused)}

    def to_json(self) -> str:
        """All reports as JSON text; units are in the names, NaN is null."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"

    def to_markdown(self) -> str:
        """The numbers side by side, then each report in full."""
        if len(self.reports) == 1:
            return next(iter(self.reports.values())).to_markdown()
        parts = [markdown_table(self.summary())]
        if actions := self.actions():
            parts.append(markdown_table(actions))
        parts += [f"- {name}: not measured: {reason}" for name, reason in self.refused.items()]
        parts += [f"## {self._title(name)}\n\n{report.to_markdown()}" for name, report in self.reports.items()]
        return "\n\n".join(part.rstrip() for part in parts) + "\n"

    def to_text(self) -> str:
        """The numbers side by side, then the choices behind each; one report alone is shown in full."""
        if len(self.reports) == 1:
            return next(iter(self.reports.values())).to_text()
        parts = [text_table(self.summary())]
        if actions := self.actions():
            parts.append(text_table(actions))
        shared = _shared_choices(list(self.reports.values()))
        parts.append("\n".join(shared))
        for name, report in self.reports.items():
            own = [choice for choice in report.choices if choice not in shared]
            parts.append("\n".join([f"{self._title(name)}:", *(f"  {choice}" for choice in own)]))
        parts += [f"{name}: not measured: {reason}" for name, reason in self.refused.items()]
        return "\n\n".join(part for part in parts if part) + "\n"

    def __str__(self) -> str:
        return self.to_text()

    def summary(self) -> list[list[str]]:
        """Header and a row a protocol: its number, then every published way to average, then each subject."""
        subjects = list(dict.fromkeys(row.name for report in self.reports.values() for row in report.per_subject))
        header = ["protocol", "papers", "metric", "joints", "number", "mean over frames", "mean of actions", *subjects]
        return [[*header, "poses"], *(self._summary_row(name, subjects) for name in self.reports)]

    def actions(self) -> list[list[str]]:
        """Header and a row an action: the number of each protocol; empty where samples have no actions."""
        names = list(dict.fromkeys(row.name for report in self.reports.values() for row in report.per_action))
        tables = [{row.name: row.values[report.headline] for row in report.per_action}
                  for report in self.reports.values()]  # fmt: skip
        rows = [[name, *(_number(table.get(name, float("nan"))) for table in tables)] for name in names]
        return [["action", *(self._short(name) for name in self.reports)], *rows] if rows else []

    def _summary_row(self, name: str, subjects: Sequence[str]) -> list[str]:
        report = self.reports[name]
        metric = report.headline
        people = {row.name: row.values[metric] for row in report.per_subject}
        numbers = [report.values[metric], report.over_frames[metric], report.over_actions.get(metric, float("nan"))]
        numbers += [people.get(person, float("nan")) for person in subjects]
        papers = ", ".join(self.aliases[name]) or "-"
        return [name, papers, metric, str(len(report.per_joint)), *map(_number, numbers), str(report.poses)]

    def _short(self, name: str) -> str:
        return self.aliases[name][0] if self.aliases[name] else name

    def _title(self, name: str) -> str:
        return f"{name} ({', '.join(self.aliases[name])})" if self.aliases[name] else name


def evaluate_protocols(samples: PoseSamples, protocols: Sequence[str | Protocol] = ()) -> ProtocolReports:
    """Errors of labelled samples under several protocols.

    Args:
        samples: predictions with their truth and labels.
        protocols: names or protocols; a school for its own, such as ``"iskakov"``; ``"all"`` for each published one, on
            17 and on 14 joints, as far as the samples have what it needs. By default everyone is tested, on all joints,
            moved to the pelvis and aligned.

    Raises:
        InputError: a protocol that was named, or each one of all, cannot be measured on these samples.
        UnknownNameError: there is no such protocol.
    """
    joints = samples.skeleton.joints
    wanted = list(protocols) or [everyone("root", joints), everyone("similarity", joints)]
    if wanted == ["all"]:
        return _all_that_can_be(samples)
    chosen = {protocol.name: protocol for name in wanted for protocol in protocols_named(name)}
    reports = {name: _report(samples, protocol) for name, protocol in chosen.items()}
    return ProtocolReports(reports, {name: aliases_of(protocol) for name, protocol in chosen.items()})


def _all_that_can_be(samples: PoseSamples) -> ProtocolReports:
    reports, refused = {}, {}
    for protocol in published_protocols():
        try:
            reports[protocol.name] = _report(samples, protocol)
        except InputError as error:
            refused[protocol.name] = str(error)
    if not reports:
        raise InputError(f"none of the published protocols fits these samples: {next(iter(refused.values()))}")
    return ProtocolReports(reports, {name: aliases_of(get_protocol(name)) for name in reports}, refused)


def _report(samples: PoseSamples, protocol: Protocol) -> EvaluationReport:
    return evaluate_samples(
        samples.predictions,
        samples.targets,
        samples.labels("subjects"),
        samples.labels("actions"),
        samples.sequence_names(),
        protocol,
        frames=samples.frames,
        skeleton=samples.skeleton,
        notes=samples.notes,
    )


def _shared_choices(reports: Sequence[EvaluationReport]) -> list[str]:
    return [choice for choice in reports[0].choices if all(choice in report.choices for report in reports)]


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1f}"
