"""Stills of 2D keypoints, over a picture where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from jaxtyping import UInt8
from torch import Tensor

from lift3d.errors import ShapeError, UnknownNameError
from lift3d.keypoints import Keypoints2D
from lift3d.viewing._figures import Picture, bone_side, check_frame, side_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_keypoints"]


def plot_keypoints(
    keypoints: Keypoints2D,
    camera: str,
    frame: int = 0,
    image: UInt8[Tensor, "height width 3"] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """One camera's detections of one frame, left in blue and right in vermillion; missing joints are left out.

    Args:
        keypoints: what was detected.
        camera: its name.
        frame: number of the frame; negative ones count from the end.
        image: the picture, RGB from 0 to 255. Without it an empty rectangle of the image's size is drawn, where that
            is known.
        ax: axes to draw in; by default a figure of one's own.

    Returns:
        The figure, which shows itself in a notebook.

    Raises:
        UnknownNameError: there is no such camera.
        InputError: there is no such frame.
        ShapeError: the image is not (height, width, 3).
    """
    if camera not in keypoints.camera_names:
        raise UnknownNameError("camera", camera, keypoints.camera_names)
    frame = check_frame(frame, len(keypoints.times))
    own = keypoints.only([camera])
    axes = Picture(figsize=(6.4, 4.8), layout="constrained").add_subplot() if ax is None else ax
    _draw_background(axes, image, own.image_sizes[0])
    for person in own.pixels[0, frame]:
        _draw_person(axes, person.detach().cpu(), own)
    axes.set(xlabel="x [px]", ylabel="y [px]", title=f"{camera}, frame {frame}, {own.times[frame].item():.2f} s")
    return axes.figure  # pyright: ignore[reportReturnType]


def _draw_background(axes: Axes, image: Tensor | None, size: Tensor) -> None:
    """The picture, or its outline; y grows downwards, and the centre of the top-left pixel is (0, 0)."""
    axes.set_aspect("equal")
    if image is not None:
        if image.ndim != 3 or image.shape[-1] != 3:
            raise ShapeError("image", tuple(image.shape), "(height, width, 3)")
        axes.imshow(image.cpu().numpy())
    elif bool(torch.isfinite(size).all()):
        width, height = size.tolist()
        axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), facecolor="#f1f2f5")
    elif not axes.yaxis_inverted():
        axes.invert_yaxis()


def _draw_person(axes: Axes, pixels: Tensor, keypoints: Keypoints2D) -> None:
    skeleton = keypoints.skeleton
    for edge in skeleton.edges:
        ends = pixels[list(edge)]
        if bool(torch.isfinite(ends).all()):
            axes.plot(*ends.T.tolist(), color=side_colour(bone_side(skeleton, edge)), linewidth=2, zorder=2)
    seen = torch.isfinite(pixels).all(-1)
    if not bool(seen.any()):
        return
    colours = [side_colour(skeleton.side(joint)) for joint in torch.nonzero(seen)[:, 0].tolist()]
    axes.scatter(*pixels[seen].T.tolist(), s=22, c=colours, edgecolors="white", linewidths=0.7, zorder=3)
