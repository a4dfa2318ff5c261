"""PCP: the share of limbs that are found (Ferrari et al. 2008), in the strict reading (Pishchulin et al. 2012).

A limb is found if both ends lie within half of its true length from their true places; the loose reading takes the
mean of both distances, and gives larger numbers. The torso goes from the middle of the hips to the middle of the
shoulders, the head from the neck to its top.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.skeletons import Skeleton

__all__ = ["limb_hits", "limbs_of"]

Point = tuple[int, ...]  # a joint, or the middle of several

_HEADS = (("upper_neck", "head_top"), ("neck", "head_top"), ("thorax", "head"), ("neck", "head"))
_LIMBS = {
    "Upper leg": ("hip", "knee"), "Lower leg": ("knee", "ankle"), "Upper arm": ("shoulder", "elbow"),
    "Forearm": ("elbow", "wrist"),
}  # fmt: skip


def limbs_of(skeleton: Skeleton) -> dict[str, list[tuple[Point, Point]]]:
    """The limbs of each column of the field's tables; columns that a skeleton has no joints for are left out."""
    place = {joint: (number,) for number, joint in enumerate(skeleton.joints)}
    middles = {name: [place.get(f"{side}_{name}", ()) for side in ("left", "right")] for name in ("hip", "shoulder")}
    limbs: dict[str, list[tuple[Point, Point]]] = {}
    if all(all(ends) for ends in middles.values()):
        limbs["Torso"] = [(sum(middles["hip"], ()), sum(middles["shoulder"], ()))]
    for column, (upper, lower) in _LIMBS.items():
        pairs = [(place.get(f"{side}_{upper}"), place.get(f"{side}_{lower}")) for side in ("left", "right")]
        if found := [(one, other) for one, other in pairs if one and other]:
            limbs[column] = found
    head = next((pair for pair in _HEADS if set(pair) <= set(place)), None)
    if head is not None:
        limbs["Head"] = [(place[head[0]], place[head[1]])]
    return limbs


def limb_hits(
    prediction: Float[Tensor, "people joints 2"],
    truth: Float[Tensor, "people joints 2"],
    ends: tuple[Point, Point],
    threshold: float = 0.5,
    *,
    strict: bool = True,
) -> Float[Tensor, "people"]:
    """Whether a limb of each person was found.

    Args:
        prediction: pixels, NaN where not found.
        truth: pixels, NaN where not labelled.
        ends: the joints at either end; of several, their middle.
        threshold: in parts of the limb's true length.
        strict: whether each end must lie within it, not only their mean.

    Returns:
        1 or 0; NaN where an end is not labelled. A limb that was labelled and not found is 0.
    """
    true, found = ([points[:, list(end)].mean(1) for end in ends] for points in (truth, prediction.to(truth.dtype)))
    length = (true[0] - true[1]).norm(dim=-1)
    distances = torch.stack([(a - b).norm(dim=-1) for a, b in zip(true, found, strict=True)])
    worst = distances.amax(0) if strict else distances.mean(0)  # NaN stays NaN
    return (worst <= threshold * length).to(truth.dtype).masked_fill(torch.isnan(length), torch.nan)
