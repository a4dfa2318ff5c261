"""How views become points and tracks: the settings of all methods."""

from __future__ import annotations

from dataclasses import dataclass, field

from lift3d.errors import InputError
from lift3d.triangulation.consensus import ConsensusSettings

__all__ = ["SmoothingSettings", "TriangulationSettings"]


@dataclass(frozen=True)
class SmoothingSettings:
    """How tracks are smoothed over time.

    Args:
        max_gap: seconds; a joint that fewer than two cameras see for longer stays missing. Shorter gaps are filled.
        bones: hold the bones at the lengths they have over the clip.
        acceleration: how much the joints accelerate, standard deviation, metres per second squared; from the data if
            None.
        over_time: whether the methods ``"learned"`` and ``"volumetric"`` smooth what they find in single frames;
            ``"temporal"`` always does.

    Raises:
        InputError: ``max_gap`` is negative, or ``acceleration`` not positive.
    """

    max_gap: float = 0.25
    bones: bool = True
    acceleration: float | None = None
    over_time: bool = True

    def __post_init__(self) -> None:
        if not self.max_gap >= 0:
            raise InputError(f"max_gap is {self.max_gap}; expected seconds, 0 or more.")
        if self.acceleration is not None and not self.acceleration > 0:
            raise InputError(f"acceleration is {self.acceleration}; expected more than 0 m/s^2, or None.")


@dataclass(frozen=True)
class TriangulationSettings:
    """How views become points.

    Args:
        min_score: views with a lower score are left out.
        swaps: put left and right back where a view has exchanged them.
        consensus: when views agree.
        smoothing: over time; for the methods ``temporal``, ``learned`` and ``volumetric``.
        weights: of the methods ``learned`` and ``volumetric``: a checkpoint's name or file; empty for what ships.
        seed: of the sample of points that the noise is measured on.
    """

    min_score: float = 0.0
    swaps: bool = True
    consensus: ConsensusSettings = field(default_factory=ConsensusSettings)
    smoothing: SmoothingSettings = field(default_factory=SmoothingSettings)
    weights: str = ""
    seed: int = 0
