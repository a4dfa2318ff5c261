"""What each view sees at the cells of a volume: maps sampled where the cells project, or detections compared there.

Pixel centres are whole numbers, the centre of the top-left pixel is (0, 0), of pictures and of maps alike. A map of
stride s has its cell c at pixel ``s (c + 1/2) - 1/2`` of the picture; :func:`map_projections` brings projections from
one to the other.

Views are sampled in parts of at most ``PART`` numbers, so that without gradients little memory is needed besides the
volume and the positions of its cells. Measured in float32, for volumes of channels x cells^3: 7 MiB for 17 x 32^3,
25 MiB for 17 x 64^3 and 38 MiB for 32 x 64^3 from four views; from sixteen 14 MiB for 17 x 32^3 and 50 MiB for
32 x 64^3. With gradients, what every view shows is kept: as many volumes as views, and more.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.errors import InputError
from lift3d.volumes.aggregation import aggregate_views

__all__ = ["map_projections", "project_positions", "sample_maps", "unproject_maps", "unproject_points"]

PART = 1 << 18  # numbers that are sampled at once
_FAR = 1e9  # pixels: so far away that nothing is seen there, and its square is still a float32


def map_projections(
    projections: Float[Tensor, "*batch 3 4"],
    image_size: tuple[int, int],
    map_size: tuple[int, int],
    *,
    half_pixel: bool = True,
) -> Float[Tensor, "*batch 3 4"]:
    """Projections to the pixels of maps, from those to the pixels of the pictures that the maps were made of.

    Args:
        projections: from the world to pixels of the picture.
        image_size: width and height of the picture.
        map_size: rows and columns of the map.
        half_pixel: whether cells lie where they are, as told above. If not, as learnable triangulation's published
            networks have it: pixel x of the picture is at ``x (columns - 1) / width`` of the map, so that the first
            cell's centre is at the picture's left edge and the last one's at its right edge (``align_corners``).
    """
    (width, height), (rows, columns) = image_size, map_size
    if half_pixel:
        scale = projections.new_tensor([columns / width, rows / height, 1.0])
        shift = (scale - 1) / 2
        return projections * scale[:, None] + shift[:, None] * projections[..., 2:, :]
    scale = projections.new_tensor([(columns - 1) / width, (rows - 1) / height, 1.0])
    return projections * scale[:, None]


def project_positions(
    positions: Float[Tensor, "batch *cells 3"], projections: Float[Tensor, "batch views 3 4"]
) -> Float[Tensor, "batch views *cells 2"]:
    """Pixels at which views see positions; NaN for those that are not in front of the camera, or NaN projections.

    A lens that bends straight lines is no matrix: its pixels come from ``Camera.project``, and go to
    :func:`sample_maps` or :func:`unproject_points` alike.
    """
    flat = positions.flatten(1, -2)[:, None]
    seen = flat @ projections[..., :3].mT + projections[..., None, :, 3]
    ahead = seen[..., 2:] > 0
    depth = torch.where(ahead, seen[..., 2:], 1.0)
    pixels = torch.where(ahead, seen[..., :2] / depth, torch.nan)
    return pixels.unflatten(2, positions.shape[1:-1])


def sample_maps(
    maps: Float[Tensor, "batch views channels rows columns"], pixels: Float[Tensor, "batch views *cells 2"]
) -> Float[Tensor, "batch views channels *cells"]:
    """Maps between their cells, bilinearly; 0 beyond their edges and at NaN pixels.

    Args:
        maps: of each view.
        pixels: of the maps: the centre of the top-left cell is (0, 0).
    """
    rows, columns = maps.shape[-2:]
    size = pixels.new_tensor([columns, rows])
    place = (2 * pixels + 1) / size - 1  # -1 and 1 are the outer edges of the first and the last cell
    place = torch.where(torch.isfinite(pixels) & (place.abs() < 3), place, 3.0)
    flat = F.grid_sample(
        maps.flatten(0, 1), place.flatten(0, 1).flatten(1, -2)[:, None], padding_mode="zeros", align_corners=False
    )  # (batch views, channels, 1, cells)
    return flat[:, :, 0].unflatten(0, maps.shape[:2]).unflatten(3, pixels.shape[2:-1])


def unproject_maps(
    maps: Float[Tensor, "batch views channels rows columns"],
    projections: Float[Tensor, "batch views 3 4"],
    positions: Float[Tensor, "batch *cells 3"],
    aggregation: str = "sum",
    *,
    seen: Bool[Tensor, "batch views"] | None = None,
    confidences: Float[Tensor, "batch views channels"] | None = None,
) -> Float[Tensor, "batch channels *cells"]:
    """Volumes of what all views see at each cell (Iskakov et al. 2019, section 3.2).

    A view that is there but does not see a cell, because it is behind the camera or beyond the picture, has 0 there.
    Gradients flow to maps, projections, positions and confidences.

    Args:
        maps: heatmaps or features of each view; those of missing views are not looked at.
        projections: from the world to pixels of the maps (see :func:`map_projections`); NaN for missing views.
        positions: of the cells in the world, such as ``cuboid.positions()``.
        aggregation: how views are made one, see ``aggregate_views``.
        seen: which views there are, besides those without a projection; by default all.
        confidences: of the aggregation ``"confidence"``.

    Raises:
        UnknownNameError: there is no such aggregation.
        InputError: ``"confidence"`` without confidences.
    """
    there = torch.isfinite(projections).all(-1).all(-1)
    there = there if seen is None else there & seen
    maps = maps.masked_fill(~there[..., None, None, None], 0.0)
    parts = positions.flatten(1, -2).split(max(1, PART // maps.shape[:3].numel()), dim=1)
    volumes = (
        aggregate_views(sample_maps(maps, project_positions(part, projections)), aggregation, there, confidences)
        for part in parts
    )
    return _joined(volumes, positions.shape[1:-1])


def unproject_points(
    pixels: Float[Tensor, "batch views *cells 2"],
    detections: Float[Tensor, "batch views joints 2"],
    weights: Float[Tensor, "batch views joints"],
    sigma: float | Float[Tensor, "batch views joints"],
) -> Float[Tensor, "batch joints *cells"]:
    """What :func:`unproject_maps` sums up for heatmaps of Gaussians, without making heatmaps.

    A cell that projects at the distance d from where a view saw a joint has ``weight exp(-d^2 / (2 sigma^2))`` of it.
    There is no edge of a picture, and no error of sampling. Gradients flow to all arguments.

    Args:
        pixels: where each cell projects; NaN where it does not.
        detections: in the same pixels; NaN where missing.
        weights: of each detection, such as its confidence; it does not count where the detection is missing.
        sigma: standard deviation, pixels; of all, or of each detection.

    Returns:
        0 where no view sees anything, but for 1e-35.

    Raises:
        InputError: a sigma that is not above 0.
    """
    spread = torch.as_tensor(sigma, dtype=detections.dtype, device=detections.device)
    if not spread.is_meta and not bool((spread > 0).all()):  # on "meta" networks are counted
        raise InputError(f"sigma of {spread.min():g} px; expected more than 0.")
    missing = ~torch.isfinite(detections).all(-1)
    x, y = detections.masked_fill(missing[..., None], 0.0).transpose(1, 2)[..., None].unbind(-2)
    weights = weights.masked_fill(missing, 0.0).transpose(1, 2)[..., None, :]  # (batch, joints, 1, views)
    scale = (-0.5 / spread.square()).expand(missing.shape).transpose(1, 2)[..., None]
    cells = pixels.nan_to_num(_FAR, _FAR, -_FAR).flatten(2, -2).movedim(-1, 0).contiguous()[:, :, None]
    parts = cells.split(max(1, PART // missing.numel()), dim=-1)
    volumes = ((weights @ _gaussians(part[0] - x, part[1] - y, scale))[:, :, 0] for part in parts)
    return _joined(volumes, pixels.shape[2:-1])


def _joined(parts: Iterator[Tensor], size: torch.Size) -> Float[Tensor, "batch channels *cells"]:
    """Parts of volumes (batch, channels, some cells), one after the other; without gradients at once in their place."""
    if torch.is_grad_enabled():
        return torch.cat(list(parts), dim=2).unflatten(2, size)
    first = next(parts)
    volumes, done = first.new_empty(*first.shape[:2], size.numel()), 0
    for part in chain([first], parts):
        volumes[:, :, done : done + part.shape[2]] = part
        done += part.shape[2]
    return volumes.unflatten(2, size)


def _gaussians(x: Tensor, y: Tensor, scale: Tensor) -> Tensor:
    """``exp(scale (x^2 + y^2))``, not below 1e-35: the numbers beneath take ten times as long to compute."""
    return ((x.square() + y.square()) * scale).clamp_min(-80.0).exp()
