"""How a body is fitted to joints."""

from __future__ import annotations

from dataclasses import dataclass

from lift3d.errors import InputError

__all__ = ["FitSettings"]

_OFFSETS = ("auto", "estimate", "none")


@dataclass(frozen=True)
class FitSettings:
    """How a body is fitted to joints. Strengths of 1 mean what the numbers are worth as probabilities.

    Args:
        shapes: how many of the model's shape components are fitted; the others are 0.
        noise: standard deviation of a joint's position, metres an axis, where the poses have no covariance; measured
            from what does not fit if None.
        misfit: standard deviation by which no body has the joints that were seen, metres an axis; added to a covariance
            of the poses, which does not know of it.
        offsets: ``"estimate"`` of the detector's joints from the body's, ``"none"``, or ``"auto"``: estimated unless
            the poses are on the body's own joints, and those lie as those of a likely body of its kind.
        shape_prior: strength of what is known of shapes: each component is normal with deviation 1.
        pose_prior: strength of what is known of poses, from motion capture; 0 for none. Less than 1 because people do
            more than was captured. For a body without the joints that it speaks of there is none.
        hinges: knees and elbows bend one way only.
        smoothness: standard deviation of the joints' angular velocity, radians a second, that holds the poses of
            neighbouring frames together; None for none. A person who walks has about 2.
        smoothness_speed: the same of the body as a whole, metres a second.
        contact: standard deviation by which a foot that stands may move, metres, against skating; 0.005 is much. None
            for none.
        robust: a joint that is further off than so many standard deviations counts less and less (Geman and McClure
            1987); None for least squares.
        offset_frames: frames that offsets are estimated from, evenly spread over the sequence.
        max_iterations: steps of each stage.
        tolerance: the last stage stops when a step saves less than this share of the cost.
        worst: a frame whose joints are further off than this on average has failed, metres.

    Raises:
        InputError: a value is out of range.
    """

    shapes: int = 10
    noise: float | None = None
    misfit: float = 0.005
    offsets: str = "auto"
    shape_prior: float = 1.0
    pose_prior: float = 0.2
    hinges: bool = True
    smoothness: float | None = None
    smoothness_speed: float = 2.0
    contact: float | None = None
    robust: float | None = 6.0
    offset_frames: int = 300
    max_iterations: int = 30
    tolerance: float = 4e-3
    worst: float = 0.25

    def __post_init__(self) -> None:
        if self.offsets not in _OFFSETS:
            raise InputError(f"offsets is {self.offsets!r}; expected one of {', '.join(_OFFSETS)}.")
        for name in ("shape_prior", "pose_prior", "misfit", "tolerance"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} is {getattr(self, name)}; expected 0 or more.")
        for name in ("noise", "smoothness", "contact", "robust"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InputError(f"{name} is {value}; expected more than 0, or None.")
        for name in ("shapes", "offset_frames", "max_iterations", "smoothness_speed", "worst"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} is {getattr(self, name)}; expected more than 0.")
