"""All settings of the training of a triangulator; what a config file holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lift3d.checkpoints import network_named
from lift3d.errors import SettingsError
from lift3d.settings import from_mapping, to_mapping
from lift3d.training.body_variation import BodySettings
from lift3d.training.crowding import CrowdSettings
from lift3d.training.detector_noise import NoiseSettings
from lift3d.training.lifter_settings import MotionData
from lift3d.training.loop import LoopSettings
from lift3d.training.named_settings import Named, named_in
from lift3d.training.virtual_rigs import RigSettings

__all__ = ["TriangulationLossSettings", "TriangulatorTraining"]

_FILMED = {
    "data": MotionData, "rigs": RigSettings, "bodies": BodySettings, "noise": NoiseSettings, "crowd": CrowdSettings
}  # fmt: skip


@dataclass(frozen=True)
class TriangulationLossSettings:
    """What is made small.

    Args:
        position: weight of the mean distance of joints from the truth, a metre counting 1.
        farthest_m: an error counts up to so much.
        likelihood: weight of the negative log-likelihood of each detection's error.
        unknown: share of the joints that the network is not told the name of, in samples half of which are told all.
    """

    position: float = 30.0
    farthest_m: float = 0.3
    likelihood: float = 0.1
    unknown: float = 0.1


@dataclass(frozen=True)
class TriangulatorTraining:
    """All settings of one run; a config file holds exactly these tables.

    Args:
        kind: ``"triangulator"``.
        data: motion to learn from; ``frames`` is 1.
        network: a table with a ``name`` and the settings of what it names: a network that takes rays, scores, cameras
            and the numbers of joints, and answers with positions.
        loop: how long and how fast.
        rigs, bodies, noise, crowd: how motion becomes samples.
        loss: what is made small.
        start: a checkpoint to begin from: its weights are taken wherever name and shape fit, and a judge of detections
            becomes that of a network of volumes. Empty for none.

    Raises:
        SettingsError: samples are to have more than one frame.
    """

    kind: str
    data: MotionData
    network: Named
    loop: LoopSettings
    rigs: RigSettings = field(default_factory=RigSettings)
    bodies: BodySettings = field(default_factory=BodySettings)
    noise: NoiseSettings = field(default_factory=NoiseSettings)
    crowd: CrowdSettings = field(default_factory=CrowdSettings)
    loss: TriangulationLossSettings = field(default_factory=TriangulationLossSettings)
    start: str = ""

    def __post_init__(self) -> None:
        if self.data.frames != 1 or self.data.shorter or self.data.speed:
            raise SettingsError("[data]: a triangulator sees single moments; expected frames=1, shorter=0 and speed=0.")

    @classmethod
    def of(cls, tables: Mapping[str, Any], where: str = "settings") -> TriangulatorTraining:
        """From the tables of a config file.

        Raises:
            SettingsError: a setting is unknown, missing or of a wrong type.
            UnknownNameError: there is no such network.
        """
        chosen: dict[str, Any] = {"network": named_in(tables, "network", network_named, where)}
        chosen |= {
            name: from_mapping(kind, tables.get(name, {}), f"{where} [{name}]") for name, kind in _FILMED.items()
        }
        return from_mapping(cls, {**tables, **chosen}, where)

    def tables(self) -> dict[str, Any]:
        """As a config file holds it, complete."""
        return {**to_mapping(self), "network": self.network.table()}
