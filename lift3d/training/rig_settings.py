"""All settings of a detector's learning from one's own rig; what a config file holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lift3d.errors import SettingsError
from lift3d.heatmaps.strategies import StrategySettings
from lift3d.settings import from_mapping, to_mapping
from lift3d.training.augmentation import AugmentationSettings
from lift3d.training.loop import LoopSettings
from lift3d.training.movenet_loss import MoveNetLossSettings
from lift3d.training.rig_labels import AgreementSettings

__all__ = ["RigData", "RigTraining"]

_AUGMENTATION = AugmentationSettings(scale=0.2, turn_deg=20.0, shift=0.05, half_body=0.0, light=0.1)


@dataclass(frozen=True)
class RigData:
    """Footage of one person by several calibrated cameras.

    Args:
        videos: or image folders, one a camera, called as the calibration calls its cameras.
        cameras: the calibration, in any format of ``read_cameras``.
        offsets: cameras that are moved in time, such as ``"cam03=-2"`` for one that runs two frames late.
        refine: mend the calibration with what is detected first; see ``lift3d.triangulation.refine_rig``. A camera that
            was nudged agrees with the others nowhere, or teaches the detector to be wrong.
        boxes: files of the person's boxes for a detector of people in boxes; see ``lift3d.detection.box_files``. Empty
            to have MoveNet find the person.
        moments: of them at most are pictures learned from, spread evenly over the frames.
        held_frames: share of the frames, at the end, that nothing is learned from, to measure on.
        gap: seconds before those that are not learned from either, since they look the same.
        held_cameras: names of cameras that nothing is learned from, to measure on.
        mirror, runtime, device: of the detector where it looks at the videos; see ``lift3d.detection.detect``.
        licence: under what the weights are given; kept with them. Empty for that of the weights at the start.
    """

    videos: tuple[str, ...]
    cameras: str
    offsets: tuple[str, ...] = ()
    refine: bool = True
    boxes: tuple[str, ...] = ()
    moments: int = 200
    held_frames: float = 0.2
    gap: float = 0.1
    held_cameras: tuple[str, ...] = ()
    mirror: bool = True
    runtime: str = "torch"
    device: str = "cpu"
    licence: str = ""

    def __post_init__(self) -> None:
        if not (self.moments > 0 and 0 <= self.held_frames < 1 and self.gap >= 0):
            raise SettingsError(
                f"[data]: moments={self.moments}, held_frames={self.held_frames}, gap={self.gap}; expected a moment at "
                "least, a share below 1, and seconds."
            )
        for text in self.offsets:
            _offset(text)

    def offset_of(self) -> dict[str, int]:
        """Frames by camera."""
        return dict(_offset(text) for text in self.offsets)


@dataclass(frozen=True)
class RigTraining:
    """All settings of one run; a config file holds exactly these tables.

    Args:
        kind: ``"rig"``.
        data: what is learned from.
        loop: how long and how fast, in each round.
        start: the detector to improve: a shipped checkpoint's name, or a file; MoveNet, or one of people in boxes.
        rounds: of finding labels with the detector as it is and learning from them.
        learned: parts of the network that change, such as ``"heatmaps"`` and ``"offsets"``, MoveNet's heads, with
            ``"pyramid"`` the layers before them; empty for the whole network.
        agreement: what makes a label.
        augmentation: how looks at the person vary.
        movenet: the loss of MoveNet.
        strategy: the loss of any other detector; by default the one that its decoding asks for.
    """

    kind: str
    data: RigData
    loop: LoopSettings
    start: str = "movenet_thunder"
    rounds: int = 2
    learned: tuple[str, ...] = ("heatmaps", "offsets")
    agreement: AgreementSettings = field(default_factory=AgreementSettings)
    augmentation: AugmentationSettings = _AUGMENTATION
    movenet: MoveNetLossSettings = field(default_factory=MoveNetLossSettings)
    strategy: StrategySettings | None = None

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise SettingsError(f"rounds is {self.rounds}; expected at least 1.")

    @classmethod
    def of(cls, tables: Mapping[str, Any], where: str = "settings") -> RigTraining:
        """From the tables of a config file.

        Raises:
            SettingsError: a setting is unknown, missing or of a wrong type.
        """
        return from_mapping(cls, tables, where)

    def tables(self) -> dict[str, Any]:
        """As a config file holds it, complete."""
        return to_mapping(self)


def _offset(text: str) -> tuple[str, int]:
    name, _, frames = text.rpartition("=")
    try:
        return name, int(frames)
    except ValueError as error:
        raise SettingsError(f"[data]: the offset is {text!r}; expected a camera and frames, like cam03=-2.") from error
