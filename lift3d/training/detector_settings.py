"""All settings of the training of a detector of joints in pictures; what a config file holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lift3d.checkpoints import network_named
from lift3d.datasets.drawn_people import DrawnPeopleSettings
from lift3d.detection.readings import reading_named
from lift3d.detection.readings.top_down import TopDownSettings
from lift3d.errors import SettingsError, UnknownNameError
from lift3d.heatmaps.strategies import StrategySettings
from lift3d.settings import from_mapping, to_mapping
from lift3d.training.augmentation import AugmentationSettings
from lift3d.training.loop import LoopSettings
from lift3d.training.named_settings import Named, named_in

__all__ = ["DetectorTraining", "DrawnData", "LabelledData", "LabelledSet"]


@dataclass(frozen=True)
class LabelledSet:
    """Labelled pictures; see ``lift3d.datasets.read_labelled_pictures``.

    Args:
        path: the file or folder of labels.
        images: the folder of pictures; empty where the layout has them in one.
        format: name of the layout; empty to find it out.
        skeleton: what the joints are, where the labels leave it open.
        cameras: the calibration, where the data holds none.
        poses: a file of true joints in the world of the cameras, of one's own recording.
        only: patterns of the names of pictures to use, such as ``"S1/*"``; empty for all.
        without: patterns of those not to use.
        share: of the samples, relative to other sets.
    """

    path: str
    images: str = ""
    format: str = ""
    skeleton: str = ""
    cameras: str = ""
    poses: str = ""
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    share: float = 1.0


@dataclass(frozen=True)
class LabelledData:
    """Labelled pictures to learn from: several data sets at once, of 2D and of 3D joints.

    Args:
        source: ``"pictures"``.
        sets: to learn from.
        held: to measure on while training; none for nothing.
        skeleton: of the joints that are learned; empty for that of the first set.
        measured: people that a measurement looks at.
        workers: pictures read at the same time.
        licence: under what the weights are given; kept with them.
    """

    sets: tuple[LabelledSet, ...]
    source: str = "pictures"
    held: tuple[LabelledSet, ...] = ()
    skeleton: str = ""
    measured: int = 1000
    workers: int = 2
    licence: str = ""


@dataclass(frozen=True)
class DrawnData:
    """Drawn people, as many as are wanted; see ``lift3d.datasets.drawn_people``.

    Args:
        source: ``"drawn"``.
        drawing: what the drawings are like. Their size is the reading's.
        measured: drawings that a measurement looks at, always the same.
        licence: under what the weights are given; kept with them.
    """

    source: str = "drawn"
    drawing: DrawnPeopleSettings = field(default_factory=DrawnPeopleSettings)
    measured: int = 1000
    licence: str = ""


_SOURCES = {"pictures": LabelledData, "drawn": DrawnData}


@dataclass(frozen=True)
class DetectorTraining:
    """All settings of one run; a config file holds exactly these tables.

    Args:
        kind: ``"detector"``.
        data: :class:`LabelledData` or :class:`DrawnData`.
        network: a table with a ``name`` and the settings of a network of heatmaps.
        reading: ``name = "top_down"`` and how pictures go in; see ``lift3d.detection.readings``.
        loop: how long and how fast.
        augmentation: how looks at people vary; of no use to drawn people, which vary by themselves.
        strategy: what the network is taught and how it is read.
        start: a checkpoint whose weights are taken wherever name and shape fit. Empty for none.
    """

    kind: str
    data: Any
    network: Named
    reading: Named
    loop: LoopSettings
    strategy: StrategySettings
    augmentation: AugmentationSettings | None = None
    start: str = ""

    @classmethod
    def of(cls, tables: Mapping[str, Any], where: str = "settings") -> DetectorTraining:
        """From the tables of a config file.

        Raises:
            SettingsError: a setting is unknown, missing or of a wrong type.
            UnknownNameError: there is no such network, reading or source of data.
        """
        network, reading = (
            named_in(tables, name, find, where)
            for name, find in (("network", network_named), ("reading", reading_named))
        )
        if not isinstance(reading.settings, TopDownSettings):
            raise SettingsError(f"{where} [reading]: {reading.name!r} cannot be trained; expected 'top_down'.")
        data = tables.get("data", {})
        source = data.get("source", "pictures") if isinstance(data, Mapping) else "pictures"
        if source not in _SOURCES:
            raise UnknownNameError("source of data", source, _SOURCES)
        if source == "drawn" and "augmentation" in tables:
            raise SettingsError(f"{where}: drawn people vary by themselves; remove [augmentation].")
        chosen: dict[str, Any] = {"network": network, "reading": reading}
        chosen["data"] = from_mapping(_SOURCES[source], data, f"{where} [data]")
        if source == "pictures":
            own = tables.get("augmentation", {})
            chosen["augmentation"] = from_mapping(AugmentationSettings, own, f"{where} [augmentation]")
        settings = from_mapping(cls, {**tables, **chosen}, where)
        for name in ("decoding", "half_pixel"):
            taught, read = getattr(settings.strategy, name), getattr(reading.settings, name)
            if taught != read:
                raise SettingsError(
                    f"{where}: the reading has {name} {read!r}, the strategy {taught!r}; expected the same."
                )
        return settings

    def tables(self) -> dict[str, Any]:
        """As a config file holds it, complete."""
        return {**to_mapping(self), "network": self.network.table(), "reading": self.reading.table()}
