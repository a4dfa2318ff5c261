"""How alike two people are by their joints (OKS), and suppression of people found twice.

Object keypoint similarity is COCO's measure (cocodataset.org, "Keypoint Evaluation"): the mean over joints of
``exp(-d^2 / (2 area (2 sigma)^2))``, where d is the distance in pixels and sigma says how far apart people who label
the joint put it, in square roots of the person's area. Suppression as in HRNet's published evaluation (Sun et al.,
CVPR 2019) takes the mean of both areas.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d.errors import InputError

__all__ = ["areas_of", "joint_similarities", "oks", "oks_suppressed", "soft_oks_suppressed"]

_MOST_PEOPLE = 20  # that soft suppression keeps


def areas_of(pixels: Float[Tensor, "*batch joints 2"]) -> Float[Tensor, "*batch"]:
    """Width times height of the box around the joints, square pixels and at least 1; missing joints are left out."""
    missing = pixels.isnan()
    extent = pixels.masked_fill(missing, -torch.inf).amax(-2) - pixels.masked_fill(missing, torch.inf).amin(-2)
    return extent.clamp(min=0).prod(-1).clamp(min=1)


def oks(
    pixels: Float[Tensor, "*#batch joints 2"],
    others: Float[Tensor, "*#batch joints 2"],
    areas: Float[Tensor, "*#batch"],
    sigmas: Float[Tensor, "joints"],
) -> Float[Tensor, "..."]:
    """Object keypoint similarity, 0 to 1, over the joints that neither misses (NaN); 0 where there is none.

    Args:
        pixels, others: joints of two people each; these and the areas are broadcast.
        areas: square pixels: of the true person where there is one, else the mean of both. Zero counts as tiny.
        sigmas: of the joints, see ``lift3d.skeletons.joint_sigmas``.
    """
    alike = joint_similarities(pixels, others, areas, sigmas)
    return alike.nansum(-1) / (~alike.isnan()).sum(-1).clamp(min=1)


def joint_similarities(
    pixels: Float[Tensor, "*#batch joints 2"],
    others: Float[Tensor, "*#batch joints 2"],
    areas: Float[Tensor, "*#batch"],
    sigmas: Float[Tensor, "joints"],
) -> Float[Tensor, "... joints"]:
    """What each joint brings to ``oks``, 0 to 1; NaN where either is missing."""
    squares = ((pixels - others) ** 2).sum(-1)
    scale = 2 * areas.clamp(min=torch.finfo(areas.dtype).eps)[..., None] * (2 * sigmas.to(squares)) ** 2
    return torch.exp(-squares / scale)


def oks_suppressed(
    pixels: Float[Tensor, "people joints 2"],
    scores: Float[Tensor, "people"],
    areas: Float[Tensor, "people"],
    sigmas: Float[Tensor, "joints"],
    threshold: float = 0.9,
) -> Int[Tensor, "kept"]:
    """Indices of the people to keep, best score first: those like a better one (OKS above the threshold) are dropped.

    Raises:
        InputError: a score is no number.
    """
    similar = _similarities(pixels, scores, areas, sigmas)
    kept: list[int] = []
    for person in scores.argsort(descending=True, stable=True).tolist():
        if not (similar[person, kept] > threshold).any():
            kept.append(person)
    return torch.tensor(kept, dtype=torch.long)


def soft_oks_suppressed(
    pixels: Float[Tensor, "people joints 2"],
    scores: Float[Tensor, "people"],
    areas: Float[Tensor, "people"],
    sigmas: Float[Tensor, "joints"],
    threshold: float = 0.9,
) -> tuple[Int[Tensor, "kept"], Float[Tensor, "kept"]]:
    """Indices of at most 20 people and their new scores, best first.

    Nobody is dropped for being like a better one: the score is multiplied by ``exp(-OKS^2 / threshold)`` for each
    person ranked before (Soft-NMS, Bodla et al., ICCV 2017).

    Raises:
        InputError: a score is no number.
    """
    similar = _similarities(pixels, scores, areas, sigmas)
    left, kept, new = scores.clone(), [], []
    for _ in range(min(len(scores), _MOST_PEOPLE)):
        best = int(left.argmax())
        kept.append(best)
        new.append(left[best].clone())
        left = left * torch.exp(-(similar[best] ** 2) / threshold)
        left[kept] = -torch.inf
    return torch.tensor(kept, dtype=torch.long), torch.stack(new) if new else scores[:0]


def _similarities(pixels: Tensor, scores: Tensor, areas: Tensor, sigmas: Tensor) -> Tensor:
    """(people, people)."""
    if scores.isnan().any():
        raise InputError("Suppression of people needs a score for each; one is NaN.")
    return oks(pixels[:, None], pixels[None], (areas[:, None] + areas) / 2, sigmas)
