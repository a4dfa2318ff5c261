"""All settings of the training of a lifter; what a config file holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from lift3d.checkpoints import network_named
from lift3d.errors import SettingsError, UnknownNameError
from lift3d.lifting.encodings import encoding_named
from lift3d.settings import from_mapping, to_mapping
from lift3d.training.body_variation import BodySettings
from lift3d.training.detector_noise import NoiseSettings
from lift3d.training.loop import LoopSettings
from lift3d.training.losses import LossSettings
from lift3d.training.named_settings import Named, named_in
from lift3d.training.virtual_cameras import ViewSettings

__all__ = ["LifterTraining", "MotionData", "PairData", "check_names"]


@dataclass(frozen=True)
class MotionData:
    """3D motion to learn from, seen by virtual cameras.

    Args:
        source: ``"motion"``.
        path: in any form of ``lift3d.datasets.motion``.
        splits: names of the splits to train on.
        subjects: of these splits, to train on; empty for all.
        hold_out: subjects of these splits kept aside and measured while training; none trains on everything.
        without: names of clips that are not used, such as those that were recorded badly.
        balance: 0 draws every frame alike, 1 every subject alike; between them, by the power of the frames.
        frames: of one sample; 1 for a network of single frames.
        shorter: probability that the samples of a step are shorter, so that there are more of them: of any number of
            frames, the logarithm of which is drawn evenly.
        speed: standard deviation of the logarithm of a factor on the speed; with it, half the samples run backwards.
        licence: under what the weights are given, with the words that the data's owners ask for; kept with them.
    """

    path: str
    source: str = "motion"
    splits: tuple[str, ...] = ("train",)
    subjects: tuple[str, ...] = ()
    hold_out: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    balance: float = 0.5
    frames: int = 1
    shorter: float = 0.0
    speed: float = 0.0
    licence: str = ""


@dataclass(frozen=True)
class PairData:
    """Detections and true joints to learn from, as real cameras saw them.

    Args:
        source: ``"pairs"``.
        path, detections, format, cameras: as ``path``, ``path_2d``, ``format`` and ``cameras`` of
            ``lift3d.datasets.read_pose_pairs``; empty where they are not needed.
        splits: names of the splits to train on; empty for all.
        subjects: of these splits, to train on; empty for all.
        hold_out: subjects, or whole splits, kept aside and measured while training.
        left_out: joints that are detected and not given to the network.
        frames: of one sample. Where a clip ends, its last frame is repeated, and what the network says of those
            repetitions does not count.
        mirror: probability of mirroring a sample.
        licence: under what the weights are given, with the words that the data's owners ask for; kept with them.
    """

    path: str
    source: str = "pairs"
    detections: str = ""
    format: str = ""
    cameras: str = ""
    splits: tuple[str, ...] = ("train",)
    subjects: tuple[str, ...] = ()
    hold_out: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    frames: int = 1
    mirror: float = 0.5
    licence: str = ""


def check_names(data: MotionData | PairData, known: Collection[str], left: Collection[object]) -> None:
    """Refuse names that are not there, and nobody to train on.

    Args:
        data: whom to take and to hold out.
        known: names that there are.
        left: what is left to train on.

    Raises:
        SettingsError: see above.
    """
    listed = ", ".join(sorted(known)) or "none"
    if missing := sorted({*data.subjects, *data.hold_out} - set(known)):
        raise SettingsError(f"[data]: there is no subject {', '.join(missing)}; known: {listed}.")
    if not left:
        raise SettingsError(f"[data]: no subject is left to train on; known: {listed}.")


_SOURCES = {"motion": MotionData, "pairs": PairData}
_FILMED = {"bodies": BodySettings, "views": ViewSettings, "noise": NoiseSettings}


@dataclass(frozen=True)
class LifterTraining:
    """All settings of one run; a config file holds exactly these tables.

    Args:
        kind: ``"lifter"``.
        start: a checkpoint to begin from: its weights are taken wherever name and shape fit, and a single-frame
            lifter's become the part of a network over time that answers each frame by itself. Empty for none.
        data: what is learned from: :class:`MotionData` or :class:`PairData`.
        network, encoding: tables with a ``name`` and the settings of what it names.
        loop: how long and how fast.
        bodies, views: how motion becomes samples; None for pairs, which are as they were filmed.
        noise: how detectors err; for pairs, besides the errors that they have, or None for those alone.
        loss: what is made small.
    """

    kind: str
    data: Any
    network: Named
    encoding: Named
    loop: LoopSettings
    bodies: BodySettings | None = None
    views: ViewSettings | None = None
    noise: NoiseSettings | None = None
    loss: LossSettings = field(default_factory=LossSettings)
    start: str = ""

    @classmethod
    def of(cls, tables: Mapping[str, Any], where: str = "settings") -> LifterTraining:
        """From the tables of a config file.

        Raises:
            SettingsError: a setting is unknown, missing or of a wrong type.
            UnknownNameError: there is no such network, encoding or source of data.
        """
        named = {"network": network_named, "encoding": encoding_named}
        chosen: dict[str, Any] = {name: named_in(tables, name, find, where) for name, find in named.items()}
        data = tables.get("data", {})
        source = data.get("source", "motion") if isinstance(data, Mapping) else "motion"
        if source not in _SOURCES:
            raise UnknownNameError("source of data", source, _SOURCES)
        chosen["data"] = from_mapping(_SOURCES[source], data, f"{where} [data]")
        if source == "motion":
            chosen |= {name: from_mapping(kind, tables.get(name, {}), f"{where} [{name}]")
                       for name, kind in _FILMED.items()}  # fmt: skip
        elif others := {"bodies", "views"} & set(tables):
            raise SettingsError(
                f"{where}: pairs are taken as they were filmed; remove [{'], ['.join(sorted(others))}]."
            )
        return from_mapping(cls, {**tables, **chosen}, where)

    def tables(self) -> dict[str, Any]:
        """As a config file holds it, complete."""
        return {**to_mapping(self), "network": self.network.table(), "encoding": self.encoding.table()}
