"""Stills of 3D poses with matplotlib: upright, with equal axes in metres."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from matplotlib.ticker import MultipleLocator
from mpl_toolkits.mplot3d import Axes3D
from torch import Tensor

from lift3d.cameras import Camera, CameraRig
from lift3d.errors import InputError
from lift3d.poses import Poses3D
from lift3d.viewing._figures import Picture, bone_side, check_frame, side_colour
from lift3d.viewing._upright import axis_names, floor_height, to_upright, view_box

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_contact_sheet", "plot_poses"]

_CAMERA_COLOUR = "#7a5195"
_FRUSTUM_DEPTH = 0.35  # metres


def plot_poses(
    poses: Poses3D,
    frame: int = 0,
    rig: CameraRig | None = None,
    ax: Any = None,
    elevation_deg: float = 12.0,
    azimuth_deg: float = -60.0,
) -> Figure:
    """One frame of poses in 3D; the limits are those of all frames, so that frames compare.

    Left is blue, right vermillion; a joint with score 0 (filled in, not seen) is hollow and its bones are faint; a
    missing joint is left out. The poses' up axis points up; axes are labelled with the poses' own names, in metres.

    Args:
        poses: what to draw.
        frame: its number; negative ones count from the end.
        rig: cameras to draw with poses of the world; their frusta are 0.35 m deep.
        ax: a 3D axes to draw in (``figure.add_subplot(projection="3d")``); by default a figure of one's own.
        elevation_deg: of the eye above the floor, degrees.
        azimuth_deg: of the eye about the vertical, degrees, as of ``Axes3D.view_init``.

    Returns:
        The figure, which shows itself in a notebook.

    Raises:
        InputError: there is no such frame, the axes are not 3D, or a rig is given for poses that are not in its
            world.
    """
    if ax is not None and not isinstance(ax, Axes3D):
        raise InputError('plot_poses: ax is not a 3D axes; make one with figure.add_subplot(projection="3d").')
    if rig is not None and (poses.frame != "world" or poses.up != rig.up):
        raise InputError(
            f"plot_poses: the poses are in the {poses.frame!r} frame, up {poses.up!r}, but the rig is in a world with "
            f"up {rig.up!r}; expected one world. Leave the rig out or bring the poses into its world."
        )
    frame = check_frame(frame, len(poses.times))
    axes = _own_axes() if ax is None else ax
    draw_frame(axes, poses, frame)
    if rig is not None:
        for name in rig.names:
            _draw_camera(axes, name, rig[name], rig.up)
    _set_limits(axes, poses, rig)
    axes.view_init(elev=elevation_deg, azim=azimuth_deg)
    axes.set_title(f"frame {frame}, {poses.times[frame].item():.2f} s", y=0.96)
    return axes.figure  # pyright: ignore[reportReturnType]


def plot_contact_sheet(poses: Poses3D, count: int = 6, columns: int = 3, rig: CameraRig | None = None) -> Figure:
    """Frames at even steps from the first to the last, beside each other.

    Args:
        poses: what to draw.
        count: of frames, at most; fewer where the poses have fewer.
        columns: of the sheet.
        rig: cameras, see :func:`plot_poses`.

    Raises:
        InputError: count or columns is below 1, or there are no frames.
    """
    frames = len(poses.times)
    if count < 1 or columns < 1 or not frames:
        raise InputError(f"plot_contact_sheet: count={count}, columns={columns}, {frames} frames; expected 1 or more.")
    count = min(count, frames)
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = Picture(figsize=(4.2 * columns, 4.2 * rows), layout="constrained")
    for cell, frame in enumerate(torch.linspace(0, frames - 1, count).round().int().tolist()):
        plot_poses(poses, frame, rig, figure.add_subplot(rows, columns, cell + 1, projection="3d"))
    return figure


def _own_axes() -> Axes3D:
    axes = Picture(figsize=(6.4, 6.4), layout="constrained").add_subplot(projection="3d")
    assert isinstance(axes, Axes3D)
    return axes


def draw_frame(axes: Axes3D, poses: Poses3D, frame: int) -> None:
    """The people of one frame as lines and dots, in the upright frame."""
    upright = to_upright(poses.positions[frame].detach().double().cpu(), poses.up)
    for joints, scores in zip(upright, poses.scores[frame].detach().cpu(), strict=True):
        _draw_bones(axes, joints, scores, poses)
        _draw_joints(axes, joints, scores, poses)


def _draw_bones(axes: Axes3D, joints: Tensor, scores: Tensor, poses: Poses3D) -> None:
    for edge in poses.skeleton.edges:
        ends = joints[list(edge)]
        if bool(torch.isfinite(ends).all()):
            seen = bool((scores[list(edge)] > 0).all())
            colour = side_colour(bone_side(poses.skeleton, edge))
            axes.plot(*ends.T.tolist(), color=colour, linewidth=2.4, alpha=1.0 if seen else 0.35)


def _draw_joints(axes: Axes3D, joints: Tensor, scores: Tensor, poses: Poses3D) -> None:
    for seen in (True, False):
        chosen = torch.isfinite(joints).all(-1) & ((scores > 0) == seen)
        if not bool(chosen.any()):
            continue
        colours = [side_colour(poses.skeleton.side(joint)) for joint in torch.nonzero(chosen)[:, 0].tolist()]
        faces = colours if seen else ["white"] * len(colours)
        axes.scatter(*joints[chosen].T.tolist(), s=16, c=faces, edgecolors=colours, depthshade=False)


def _draw_camera(axes: Axes3D, name: str, camera: Camera, up: str) -> None:
    centre = to_upright(camera.centre.double(), up)
    corners = to_upright(_frustum_corners(camera), up)
    outline = torch.cat([corners, corners[:1]])
    axes.plot(*outline.T.tolist(), color=_CAMERA_COLOUR, linewidth=1)
    for corner in corners:
        axes.plot(*torch.stack([centre, corner]).T.tolist(), color=_CAMERA_COLOUR, linewidth=1)
    x, y, z = centre.tolist()
    axes.text(x, y, z + 0.1, name.replace("$", r"\$"), color=_CAMERA_COLOUR, ha="center", fontsize=8)


def _frustum_corners(camera: Camera) -> Float[Tensor, "corners 3"]:
    """Corners of a camera's picture in the world, metres, as of a pinhole."""
    size = camera.image_size.double()
    known = bool(torch.isfinite(size).all())
    width, height = (size if known else 2 * camera.intrinsics[:2, 2].double() + 1).tolist()
    ends = [[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]]
    plane = camera.undistorted().to(torch.float64).normalise(torch.tensor(ends, dtype=torch.float64) - 0.5)
    points = torch.cat([plane, torch.ones_like(plane[:, :1])], dim=-1) * _FRUSTUM_DEPTH
    return camera.to(torch.float64).camera_to_world(points)


def _set_limits(axes: Axes3D, poses: Poses3D, rig: CameraRig | None) -> None:
    """Equal scales on all axes around everything, the floor at the bottom."""
    upright = to_upright(poses.positions.detach().double().cpu(), poses.up)
    low, high = (end.double() for end in view_box(upright))
    low[2] = min(low[2].item(), floor_height(upright))
    if rig is not None:
        centres = to_upright(rig.cameras.centre.double().cpu(), rig.up)
        low, high = torch.minimum(low, centres.amin(0)), torch.maximum(high, centres.amax(0))
    size = high - low
    size = torch.maximum(size, 0.45 * size.max()).clamp(min=0.5)
    middle, half = (low + high) / 2, 0.55 * size
    x, y, z = torch.stack([middle - half, middle + half], dim=-1).tolist()
    axes.set(xlim=x, ylim=y, zlim=z)
    axes.set_box_aspect(size.tolist(), zoom=0.78)  # pyright: ignore[reportArgumentType]
    step = next((step for step in (0.25, 0.5, 1.0, 2.0) if size.max() <= 8 * step), 5.0)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_major_locator(MultipleLocator(step))
    axes.tick_params(labelsize=8)
    names = [f"{name} [m]" for name in axis_names(poses.up)]
    axes.set(xlabel=names[0], ylabel=names[1], zlabel=names[2])
