"""Which labelled samples a protocol tests, whatever way subjects and sequences are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from lift3d.errors import InputError
from lift3d.evaluation.protocols import Protocol

__all__ = ["samples_of_protocol", "sub_action", "subject_name"]

# Numbers in names such as s_09_act_05_subact_02, from 2.
_ACTS = (
    "Directions", "Discussion", "Eating", "Greeting", "Phoning", "Posing", "Purchases", "Sitting", "SittingDown",
    "Smoking", "TakingPhoto", "Waiting", "Walking", "WalkingDog", "WalkingTogether",
)  # fmt: skip


def samples_of_protocol(
    protocol: Protocol, people: Sequence[str], sequences: Sequence[str], frames: Iterable[int] | None
) -> list[int]:
    """Indices of the samples that the protocol tests."""
    if protocol.frame_step > 1 and frames is None:
        raise InputError(
            f"protocol {protocol.name!r} takes every {protocol.frame_step}. frame: pass frames=..., the number of each "
            "sample's frame in its sequence; or set the protocol's frame_step to 1 if the samples are chosen already."
        )
    numbers = [0] * len(people) if frames is None else list(frames)
    left_out = {key: _is_excluded(protocol, *key) for key in set(zip(people, sequences, strict=True))}
    kept = [
        i
        for i, key in enumerate(zip(people, sequences, strict=True))
        if (not protocol.test or key[0] in protocol.test)
        and numbers[i] % protocol.frame_step == 0
        and not left_out[key]
    ]
    if not kept:
        raise InputError(
            f"no sample is of protocol {protocol.name!r} (subjects {', '.join(protocol.test) or 'everyone'}); the "
            f"samples are of {', '.join(sorted(set(people))) or 'nobody'}."
        )
    return kept


def subject_name(label: str | int) -> str:
    """``"S9"`` of 9, ``"9"``, ``"s_09"`` and ``"S9"``."""
    number = re.fullmatch(r"(?:[sS]_?)?0*(\d+)", str(label))
    return f"S{number[1]}" if number else str(label)


def _is_excluded(protocol: Protocol, person: str, sequence: str) -> bool:
    names = [(action, number) for subject, action, number in protocol.excluded if subject == person]
    if not names:
        return False
    action, number = sub_action(sequence)
    if number is None and action in {name for name, _ in names}:
        raise InputError(
            f"sequence {sequence!r} of {person} does not say which sub-action it is, and protocol {protocol.name!r} "
            f"leaves one out. Name sequences by number, such as '{action}-1' and '{action}-2'."
        )
    return (action, number) in names


def sub_action(sequence: str) -> tuple[str, int | None]:
    """Action and number of names such as ``Greeting-2``, ``Greeting 2.54138969``, ``s_09_act_05_subact_02_ca_01``."""
    coded = re.search(r"act_(\d+)_subact_(\d+)", sequence)
    if coded:
        place = int(coded[1]) - 2
        return _ACTS[place] if 0 <= place < len(_ACTS) else coded[1], int(coded[2])
    plain = re.fullmatch(r"(?:.*/)?([A-Za-z]+)(?:[ _-](\d))?(?:\..*)?", sequence)
    if not plain:
        return sequence, None
    return plain[1], int(plain[2]) if plain[2] else None
