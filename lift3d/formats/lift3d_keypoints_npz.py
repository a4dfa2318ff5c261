"""lift3d's own keypoints: a NumPy archive of numbers and text, read without unpickling.

Arrays: ``pixels`` (cameras, frames, people, joints, 2), distorted, NaN where missing; ``scores`` (cameras, frames,
people, joints), 0..1; ``times`` (frames), seconds; ``camera_names``; ``image_sizes`` (cameras, 2), NaN where not known;
the skeleton as ``skeleton``, ``joints``, ``parents`` (-1: root) and ``links``; ``lift3d_keypoints``, the version.
Everything comes back as it was; float32 stays float32.
"""

from __future__ import annotations

from pathlib import Path

from lift3d.errors import ShapeError
from lift3d.formats._entry import FileFormat
from lift3d.formats._own_npz import is_own, numbers_of, own_skeleton, read_own, texts_of, to_numbers, write_own
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import Skeleton

_MARK = "lift3d_keypoints"


def _recognises(path: Path) -> bool:
    return is_own(path, _MARK)


def _read(path: Path, skeleton: Skeleton | None = None, fps: float | None = None) -> Keypoints2D:
    """The keypoints; ``fps`` counts only where the file has no times."""
    arrays = read_own(path, _MARK, ("pixels", "scores", "times", "camera_names", "image_sizes"))
    times = numbers_of(path, arrays, "times")
    pixels = numbers_of(path, arrays, "pixels")
    if pixels.ndim != 5 or times.shape != pixels.shape[1:2]:
        raise ShapeError("times", times.shape, f"one a frame of the pixels, of shape {pixels.shape}")
    return Keypoints2D.of(
        pixels,
        numbers_of(path, arrays, "scores"),
        skeleton=own_skeleton(path, arrays, skeleton),
        times=times,
        fps=fps or 30.0,
        camera_names=texts_of(path, arrays, "camera_names"),
        image_sizes=numbers_of(path, arrays, "image_sizes"),
    )


def _write(keypoints: Keypoints2D, path: Path) -> None:
    names = ("pixels", "scores", "times", "image_sizes")
    arrays = {name: to_numbers(getattr(keypoints, name)) for name in names}
    write_own(path, _MARK, keypoints.skeleton, {**arrays, "camera_names": list(keypoints.camera_names)})


FORMAT = FileFormat(
    name="lift3d_keypoints_npz",
    holds=Keypoints2D,
    suffixes=(".npz",),
    about="lift3d's own keypoints, all cameras in one archive of numbers; keeps everything.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
