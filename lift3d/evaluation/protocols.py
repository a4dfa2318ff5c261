"""What is measured on Human3.6M, named by what it is, with the names that papers give it as aliases.

Two schools number their protocols the other way round: "Protocol 1" is the plain error for Martinez et al. (2017),
Pavllo et al. (2019) and those who follow them, and the error after alignment for Sun et al. (2017, 2018) and those
who follow them. So the names here say what is measured::

    human36m-s9s11-root                martinez:1    MPJPE
    human36m-s9s11-similarity          martinez:2    P-MPJPE
    human36m-s9s11-scale               martinez:3    N-MPJPE
    human36m-s11-step64-rigid          sun:1         "PA MPJPE"; their code aligns without scale
    human36m-s11-step64-similarity     moon:1        the same with scale
    human36m-s9s11-step64-root         sun:2         MPJPE
    human36m-s9s11-step5-root          iskakov:relative
    human36m-s9s11-step5-none-intact   iskakov:absolute, without the damaged sequences of S9
    human36m-s9s11-step5-root-intact   iskakov:relative-intact, not in the paper: relative without them too
    human36m-s9s11-step5-none          iskakov:absolute-all, not in the paper: absolute with them
    human36m-s9s11-root-intact         zhu:1         MotionBERT: martinez:1 without the damaged sequences
    human36m-s9s11-similarity-intact   zhu:2

Each of them is also measured on 14 joints, without pelvis, spine and neck_nose: ``martinez:2/14`` and so on. A school
alone, such as ``iskakov`` or ``martinez/14``, stands for all of its protocols; see :func:`protocols_named`. For data
of other people, ``everyone-root`` and ``everyone-similarity`` test all there is; see :func:`everyone`.

Two choices here are inferred, not published: that Iskakov et al. (2019) keep every 5th frame (from their 26 634 test
frames), and that Sun et al.'s and Moon et al.'s numbers are means over frames.

Not part of a protocol, but it changes the number too: Martinez et al.'s own code drops the last incomplete batch of
64 frames of each action.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lift3d.errors import InputError, UnknownNameError
from lift3d.evaluation.metrics import ALIGNMENTS

__all__ = [
    "DAMAGED",
    "HOW_ALIGNED",
    "HUMAN36M_14",
    "HUMAN36M_17",
    "METRIC_OF",
    "Protocol",
    "aliases_of",
    "everyone",
    "get_protocol",
    "protocol_names",
    "protocols_named",
    "published_protocols",
]

HUMAN36M_17 = (
    "pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "spine", "thorax",
    "neck_nose", "head", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist",
)  # fmt: skip
HUMAN36M_14 = tuple(joint for joint in HUMAN36M_17 if joint not in ("pelvis", "spine", "neck_nose"))

# Test sequences of S9 whose ground truth is off (subject, action, number of the sub-action).
DAMAGED = (("S9", "Greeting", 2), ("S9", "SittingDown", 2), ("S9", "Waiting", 1))

METRIC_OF = {
    "none": "mpjpe_absolute_mm",
    "root": "mpjpe_mm",
    "scale": "n_mpjpe_mm",
    "rigid": "rigid_mpjpe_mm",
    "similarity": "pa_mpjpe_mm",
}
HOW_ALIGNED = {
    "none": "as predicted, no alignment",
    "root": "pelvis moved to pelvis",
    "scale": "pelvis moved to pelvis, then each pose scaled",
    "rigid": "each pose turned and moved (Procrustes without scale)",
    "similarity": "each pose scaled, turned and moved (Procrustes with scale)",
}


@dataclass(frozen=True)
class Protocol:
    """Every choice that changes the number.

    Args:
        name: says what is measured.
        train: subjects to train on, such as ``"S1"``; empty where the protocol does not say.
        test: subjects to test on; empty for everyone.
        alignment: ``"none"``, ``"root"``, ``"scale"``, ``"rigid"`` or ``"similarity"``, of each pose by itself.
        frame_step: frames whose number, counted from 0 in each sequence, is a multiple of this are tested.
        joints: names of the joints that are averaged.
        averaging: ``"frames"``: mean over all poses; ``"actions"``: mean of the means of the actions.
        excluded: sequences left out, as (subject, action, number of the sub-action).

    Raises:
        InputError: a value is not among those above.
    """

    name: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    alignment: str
    frame_step: int = 1
    joints: tuple[str, ...] = HUMAN36M_17
    averaging: str = "actions"
    excluded: tuple[tuple[str, str, int], ...] = ()

    def __post_init__(self) -> None:
        if self.alignment not in ALIGNMENTS:
            raise UnknownNameError("alignment", self.alignment, ALIGNMENTS)
        if self.averaging not in ("frames", "actions"):
            raise UnknownNameError("averaging", self.averaging, ("frames", "actions"))
        if self.frame_step < 1 or not self.joints:
            raise InputError(
                f"Protocol {self.name!r}: frame_step is {self.frame_step} and there are {len(self.joints)} joints; "
                "expected at least 1 of each."
            )

    @property
    def metric(self) -> str:
        """Name of the number, with its unit, such as ``"pa_mpjpe_mm"``."""
        return METRIC_OF[self.alignment]

    def describe(self) -> str:
        """All choices in one line."""
        step = "every frame" if self.frame_step == 1 else f"every {_ordinal(self.frame_step)} frame"
        mean = "mean of the actions' means" if self.averaging == "actions" else "mean over all frames"
        with_zero = self.alignment in ("root", "scale") and "pelvis" in self.joints
        without = ", ".join(f"{subject} {action}-{number}" for subject, action, number in self.excluded)
        parts = [
            f"{self.metric}: {HOW_ALIGNED[self.alignment]}",
            f"{len(self.joints)} joints{', the pelvis with its zero among them' if with_zero else ''}",
            f"for models trained on {', '.join(self.train) or 'anything'}",
            f"tested on {', '.join(self.test) or 'everyone'}",
            step,
            mean,
            f"without {without}" if without else "no sequence left out",
        ]
        return f"{self.name} = {'; '.join(parts)}"


def everyone(alignment: str, joints: Sequence[str]) -> Protocol:
    """All samples there are, every frame, mean of the actions' means: for data that no published protocol is about."""
    return Protocol(f"everyone-{alignment}", (), (), alignment, joints=tuple(joints))


def protocol_names() -> list[str]:
    """Names and aliases."""
    return sorted([*_PROTOCOLS, *_ALIASES, *(f"{alias}/14" for alias in _ALIASES)])


def published_protocols() -> list[Protocol]:
    """Each protocol once, first on 17 joints, then on 14."""
    return [*_PROTOCOLS.values(), *map(_on_14, _PROTOCOLS.values())]


def aliases_of(protocol: Protocol) -> list[str]:
    """What papers call a protocol, such as ``["sun:2", "moon:2"]``; empty where it is of one's own."""
    base = protocol.name.removesuffix("-on14")
    ending = "" if base == protocol.name else "/14"
    return [alias + ending for alias, name in _ALIASES.items() if name == base]


def get_protocol(name: str | Protocol) -> Protocol:
    """A protocol by its name or alias, or passed through.

    Raises:
        UnknownNameError: there is none; the text suggests one.
    """
    if isinstance(name, Protocol):
        return name
    base = name.removesuffix("/14").removesuffix("-on14")
    found = _PROTOCOLS.get(_ALIASES.get(base, base))
    if found is None:
        raise UnknownNameError("protocol", name, protocol_names())
    return found if base == name else _on_14(found)


def protocols_named(name: str | Protocol) -> list[Protocol]:
    """The protocols that a name stands for: those of a school, such as ``"iskakov"``, or one; see :func:`get_protocol`.

    Raises:
        UnknownNameError: there is none.
    """
    if isinstance(name, Protocol):
        return [name]
    school = name.removesuffix("/14")
    ending = name.removeprefix(school)
    own = [get_protocol(alias + ending) for alias in _ALIASES if alias.partition(":")[0] == school]
    return own or [get_protocol(name)]


def _on_14(protocol: Protocol) -> Protocol:
    return replace(protocol, name=f"{protocol.name}-on14", joints=HUMAN36M_14)


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


_FIVE, _SIX, _TWO = ("S1", "S5", "S6", "S7", "S8"), ("S1", "S5", "S6", "S7", "S8", "S9"), ("S9", "S11")

_PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("human36m-s9s11-root", _FIVE, _TWO, "root"),
        Protocol("human36m-s9s11-similarity", _FIVE, _TWO, "similarity"),
        Protocol("human36m-s9s11-scale", _FIVE, _TWO, "scale"),
        Protocol("human36m-s9s11-root-intact", _FIVE, _TWO, "root", excluded=DAMAGED),
        Protocol("human36m-s9s11-similarity-intact", _FIVE, _TWO, "similarity", excluded=DAMAGED),
        Protocol("human36m-s11-step64-rigid", _SIX, ("S11",), "rigid", 64, averaging="frames"),
        Protocol("human36m-s11-step64-similarity", _SIX, ("S11",), "similarity", 64, averaging="frames"),
        Protocol("human36m-s9s11-step64-root", _FIVE, _TWO, "root", 64, averaging="frames"),
        Protocol("human36m-s9s11-step5-root", _FIVE, _TWO, "root", 5, averaging="frames"),
        Protocol("human36m-s9s11-step5-root-intact", _FIVE, _TWO, "root", 5, averaging="frames", excluded=DAMAGED),
        Protocol("human36m-s9s11-step5-none-intact", _FIVE, _TWO, "none", 5, averaging="frames", excluded=DAMAGED),
        Protocol("human36m-s9s11-step5-none", _FIVE, _TWO, "none", 5, averaging="frames"),
    )
}
_ALIASES = {
    "martinez:1": "human36m-s9s11-root",
    "martinez:2": "human36m-s9s11-similarity",
    "martinez:3": "human36m-s9s11-scale",
    "zhu:1": "human36m-s9s11-root-intact",
    "zhu:2": "human36m-s9s11-similarity-intact",
    "sun:1": "human36m-s11-step64-rigid",
    "sun:2": "human36m-s9s11-step64-root",
    "moon:1": "human36m-s11-step64-similarity",
    "moon:2": "human36m-s9s11-step64-root",
    "iskakov:relative": "human36m-s9s11-step5-root",
    "iskakov:relative-intact": "human36m-s9s11-step5-root-intact",
    "iskakov:absolute": "human36m-s9s11-step5-none-intact",
    "iskakov:absolute-all": "human36m-s9s11-step5-none",
}
