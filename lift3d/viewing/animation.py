"""Videos of 3D poses: matplotlib's stills, encoded as MP4."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D
from tqdm import tqdm

from lift3d._files import writing
from lift3d.cameras import CameraRig
from lift3d.errors import InputError
from lift3d.poses import Poses3D
from lift3d.viewing.plot_3d import plot_poses

__all__ = ["save_video"]

_DPI = 100


def save_video(
    poses: Poses3D,
    path: str | Path,
    fps: float | None = None,
    rig: CameraRig | None = None,
    size: tuple[int, int] = (720, 720),
    elevation_deg: float = 12.0,
    azimuth_deg: float = -60.0,
    progress: bool = True,
) -> Path:
    """Write the poses as an MP4 (H.264), one picture a frame, whole or not at all; gives back where it is.

    Args:
        poses: what to draw, see ``plot_poses``.
        path: ends in ``.mp4``.
        fps: frames a second; by default the poses' own.
        rig: cameras to draw with poses of the world.
        size: width and height of the video, pixels, both even.
        elevation_deg: of the eye above the floor, degrees.
        azimuth_deg: of the eye about the vertical, degrees, as of ``Axes3D.view_init``.
        progress: show a progress bar.

    Raises:
        InputError: the path does not end in ``.mp4``, there are no frames, or a number is out of range.
        FileError: the file cannot be written.
    """
    rate = poses.frames_per_second if fps is None else fps
    _check(poses, Path(path), rate, size)
    figure = Figure(figsize=(size[0] / _DPI, size[1] / _DPI), dpi=_DPI)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot(projection="3d")
    assert isinstance(axes, Axes3D)
    with writing(path) as temporary, av.open(str(temporary), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate).limit_denominator(1000))
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for frame in tqdm(range(len(poses.times)), desc="video", unit="frame", disable=not progress):
            axes.clear()
            plot_poses(poses, frame, rig, axes, elevation_deg, azimuth_deg)
            canvas.draw()
            rgb = np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode(None))
    return Path(path)


def _check(poses: Poses3D, path: Path, rate: float, size: tuple[int, int]) -> None:
    if path.suffix.lower() != ".mp4":
        raise InputError(f"{path}: save_video writes MP4; expected a name that ends in .mp4.")
    if not len(poses.times):
        raise InputError("save_video: the poses have no frames.")
    if not rate > 0:
        raise InputError(f"save_video: fps={rate:g}; expected a rate above 0.")
    if any(side < 64 or side % 2 for side in size):
        raise InputError(f"save_video: size={tuple(size)}; expected even numbers of at least 64 pixels.")
