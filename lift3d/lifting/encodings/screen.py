"""Pixels divided by the picture's width: what VideoPose3D (CVPR 2019) and MotionBERT (ICCV 2023) are given.

x runs from -1 at the left edge to 1 at the right one, and y has the same scale and its 0 in the middle too:
(2 x / w - 1, 2 y / w - h / w). The lens is not undone. MotionBERT is given each joint's score as well.

VideoPose3D answers in metres relative to the root. MotionBERT answers in units of the screen: half a picture's width
is 1, in depth too. How many metres that is depends on a factor of the true pose, which its evaluation takes from the
ground truth. Here the factor is the one that gives the person's arms and legs the length that those of an adult of a
stated height have, frame by frame, so that their size stays the same.

These networks know no missing joints: those are put on a straight line over time between the frames in which they
are seen, held at the ends (``filled_over_time``), and score 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.errors import InputError
from lift3d.lifting.encodings._entry import Answer, EncodingEntry, FeaturesAlone
from lift3d.lifting.observed import Observed, filled_over_time
from lift3d.skeletons import Skeleton

__all__ = ["ENCODING", "ScreenSettings", "decode", "encode"]

# Length of a bone over the height of the body (Winter 2009, Biomechanics, figure 4.1, after Drillis and Contini).
_LIMBS = {("hip", "knee"): 0.245, ("knee", "ankle"): 0.246, ("shoulder", "elbow"): 0.186, ("elbow", "wrist"): 0.146}


@dataclass(frozen=True)
class ScreenSettings:
    """What the network is given and answers.

    Args:
        with_scores: each joint's score follows its x and y.
        answer: ``"metres"`` relative to the root, or ``"screen"``: in units of half a picture's width.
        height: of the person, metres, where the answer is in screen units.

    Raises:
        InputError: there is no such answer, or the height is not positive.
    """

    with_scores: bool = False
    answer: str = "metres"
    height: float = 1.70

    def __post_init__(self) -> None:
        if self.answer not in ("metres", "screen") or not self.height > 0:
            raise InputError(
                f"screen: answer={self.answer!r}, height={self.height:g}; expected 'metres' or 'screen', and a height "
                "above 0 metres."
            )


def encode(observed: Observed, settings: ScreenSettings) -> FeaturesAlone:
    """Joints on the screen; all must be there (see the head of this module)."""
    width, height = observed.image_size[..., None, :1], observed.image_size[..., None, 1:]
    middle = torch.cat([torch.ones_like(width), height / width], dim=-1)
    features = observed.pixels * (2 / width) - middle
    if settings.with_scores:
        features = torch.cat([features, observed.scores[..., None]], dim=-1)
    return FeaturesAlone(features.flatten(-2))


def decode(
    outputs: Float[Tensor, "*batch outputs"], _: FeaturesAlone, skeleton: Skeleton, settings: ScreenSettings
) -> Answer:
    """Joints relative to the root, metres."""
    joints = outputs.unflatten(-1, (-1, 3))
    relative = joints - joints[..., skeleton.root : skeleton.root + 1, :]
    return Answer(relative if settings.answer == "metres" else relative * _metres(relative, skeleton, settings.height))


def _metres(
    relative: Float[Tensor, "*batch joints 3"], skeleton: Skeleton, height: float
) -> Float[Tensor, "*batch 1 1"]:
    """Metres of one unit: what arms and legs of a person of that height measure, over what they measure here."""
    limbs = [
        (skeleton.indices(f"{side}_{upper}", f"{side}_{lower}"), share)
        for side in ("left", "right")
        for (upper, lower), share in _LIMBS.items()
        if {f"{side}_{upper}", f"{side}_{lower}"} <= set(skeleton.joints)
    ]
    if not limbs:
        raise InputError(
            f"screen: {skeleton.name} has no arms and legs to take a person's size from; expected joints such as "
            "left_hip and left_knee."
        )
    upper, lower = ([ends[i] for ends, _ in limbs] for i in (0, 1))
    length = (relative[..., upper, :] - relative[..., lower, :]).norm(dim=-1).sum(-1)
    return (height * sum(share for _, share in limbs) / length.clamp_min(1e-6))[..., None, None]


ENCODING = EncodingEntry(
    name="screen",
    settings=ScreenSettings,
    about="pixels over the picture's width (VideoPose3D, MotionBERT); missing joints are filled over time.",
    features=lambda joints, settings: (2 + settings.with_scores) * joints,
    outputs=lambda joints, _settings: 3 * joints,
    encode=encode,
    decode=decode,
    uses=lambda settings: ("pixels", "scores", "image_size") if settings.with_scores else ("pixels", "image_size"),
    fill=filled_over_time,
)
