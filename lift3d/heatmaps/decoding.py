"""From what a network answers to joints: places in its input, and scores. The one function that all readings call."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d._discovery import entries_of
from lift3d.errors import InputError, ShapeError, UnknownNameError
from lift3d.heatmaps.cells import cells_to_pixels, fractions_to_pixels
from lift3d.heatmaps.decoders._entry import Decoder

__all__ = ["DIRECT", "Decoded", "all_decoders", "check_decoding", "decode_heatmaps"]

DIRECT = "direct"  # a head that gives places, not maps


class Decoded(NamedTuple):
    """Joints in the network's input.

    Args:
        places: x and y in pixels of the input, the centre of its top-left pixel at (0, 0); of a volume also z, pixels
            of depth from the root, away from the camera.
        scores: of each joint; what they mean is the decoder's: the height of the map's peak, the probability that lies
            around it (integral), or 1 (direct).
    """

    places: Float[Tensor, "batch joints axes"]
    scores: Float[Tensor, "batch joints"]


@cache
def all_decoders() -> dict[str, Decoder]:
    """Every rule to read maps, by name; ``"direct"`` reads no maps and is not among them."""
    return entries_of("lift3d.heatmaps.decoders", "DECODER", Decoder)


def check_decoding(name: str) -> None:
    """Refuse a name that is neither a decoder's nor ``"direct"``.

    Raises:
        UnknownNameError: there is no such decoding.
    """
    if name not in (DIRECT, *all_decoders()):
        raise UnknownNameError("decoding", name, (DIRECT, *all_decoders()))


def decode_heatmaps(
    answer: Float[Tensor, "batch joints *cells"],
    name: str,
    image_size: tuple[int, int],
    *,
    half_pixel: bool = True,
    depth: float | None = None,
    settings: Any = None,
) -> Decoded:
    """Joints from heatmaps, volumes, or places that a network gives directly.

        places, scores = decode_heatmaps(stages[-1], "dark", (192, 256), half_pixel=False)

    Args:
        answer: maps (batch, joints, rows, columns), volumes (batch, joints, depth, rows, columns), or, with
            ``"direct"``, places (batch, joints, 2 or 3) from 0 to 1 across the input, edge to edge.
        name: of a decoder, see ``all_decoders``, or ``"direct"``.
        image_size: width and height of the network's input, pixels.
        half_pixel: where cells lie, see ``lift3d.heatmaps.cells``; of no importance to ``"direct"``.
        depth: pixels that a volume, or a direct depth, reaches over; by default the input's width.
        settings: of the decoder, such as ``DarkSettings(kernel=17)``; its defaults when None.

    Raises:
        UnknownNameError: there is no such decoding.
        ShapeError: the answer is not what the decoding reads.
        InputError: the settings are another decoder's.
    """
    check_decoding(name)
    if name == DIRECT:
        if answer.ndim != 3 or answer.shape[-1] not in (2, 3):
            raise ShapeError("The answer", answer.shape, "(batch, joints, 2 or 3), as a direct head gives")
        return Decoded(fractions_to_pixels(answer, image_size, depth=depth), torch.ones_like(answer[..., 0]))
    decoder = all_decoders()[name]
    if answer.ndim not in ((4, 5) if decoder.volumes else (4,)):
        expected = "(batch, joints, rows, columns)" + (", with a depth before the rows or not" * decoder.volumes)
        raise ShapeError("The answer", answer.shape, f"{expected}, for the decoding {name!r}")
    own = decoder.settings() if settings is None else settings
    if type(own) is not decoder.settings:
        raise InputError(f"decode_heatmaps: {type(own).__name__} for {name!r}; expected {decoder.settings.__name__}.")
    cells, scores = decoder.decode(answer, own)
    places = cells_to_pixels(cells, answer.shape[2:], image_size, half_pixel=half_pixel, depth=depth)
    return Decoded(places, scores)
