"""COLMAP models as text: a folder with ``cameras.txt`` and ``images.txt``; unit and up axis are arbitrary.

- ``cameras.txt``: a line ``CAMERA_ID MODEL WIDTH HEIGHT PARAMETERS`` for each lens.
- ``images.txt``: two lines for each picture: ``IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME``, world to camera; then
  its points, which are not read, as triples; that line may be empty.

Each picture is a camera of the rig, named after it without its suffix: several pictures of one lens are several
cameras. COLMAP has the centre of the top-left pixel at (0.5, 0.5): half a pixel is taken from the principal point.
"""

from __future__ import annotations

from pathlib import Path

from lift3d.cameras import CameraRig, Lens
from lift3d.errors import FileError, InputError
from lift3d.formats._colmap import CORNER, PARAMETERS, ColmapCamera, ColmapImage, file_rig
from lift3d.formats._entry import FileFormat
from lift3d.formats._rigs import FileCamera, FileRig
from lift3d.formats._text import read_text
from lift3d.formats._written_rigs import file_cameras, pose_of, whole_size
from lift3d.geometry.rotations import matrix_to_quaternion

__all__ = ["FORMAT"]


def _recognises(path: Path) -> bool:
    return (path / "cameras.txt").is_file() and (path / "images.txt").is_file()


def _read(path: Path) -> FileRig:
    return file_rig(path, _cameras(path / "cameras.txt"), _images(path / "images.txt"))


def _lines(path: Path) -> list[list[str]]:
    """The words of each line, also of empty ones; without comments."""
    return [line.split(maxsplit=9) for line in read_text(path).splitlines() if not line.startswith("#")]


def _cameras(path: Path) -> dict[int, ColmapCamera]:
    cameras = {}
    for words in _lines(path):
        if not words:
            continue
        key, *rest = " ".join(words).split()
        cameras[_whole(path, key)] = ColmapCamera(" ".join(rest[:1]), rest[1:3], rest[3:])
    return cameras


def _images(path: Path) -> list[ColmapImage]:
    images, lines = [], iter(_lines(path))
    for words in lines:
        if not words:
            continue
        if len(words) != 10:
            raise FileError(path, f"an image has {len(words)} values; expected 10: {' '.join(words[:3])} ...")
        images.append(ColmapImage(words[9], _whole(path, words[8]), words[1:8]))
        points = " ".join(next(lines, [])).split()
        if len(points) % 3:
            raise FileError(
                path, f"the line below image {words[9]!r} is not made of triples of numbers",
                "Each image has two lines; was an empty one deleted?",
            )  # fmt: skip
    return images


def _whole(path: Path, word: str) -> int:
    if not word.isdecimal() or not word.isascii() or len(word) > 18:
        raise FileError(path, f"has {word[:20]!r} where the number of a camera was expected")
    return int(word)


def _write(rig: CameraRig, folder: Path) -> None:
    """Write a lens and an image ``<name>.jpg`` for each camera, without points; metres, the world as it is.

    The lens model is PINHOLE, OPENCV, FULL_OPENCV or OPENCV_FISHEYE, the first that holds the camera's distortion.

    Raises:
        InputError: an image size is not known, a lens is Human3.6M's own or has a skew, or a name holds a blank.
    """
    cameras = file_cameras(rig, FORMAT.name, Lens.BROWN_CONRADY, Lens.FISHEYE, coefficients=8)
    lenses = ["# CAMERA_ID MODEL WIDTH HEIGHT PARAMETERS"]
    images = ["# IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME; below each image its points: none"]
    for index, camera in enumerate(cameras, start=1):
        lenses.append(f"{index} {_lens_words(camera)}")
        images.extend([f"{index} {_pose_words(camera)} {index} {_image_name(camera.name)}", ""])
    for name, lines in (("cameras", lenses), ("images", images), ("points3D", ["# no points"])):
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _lens_words(camera: FileCamera) -> str:
    (fx, skew, cx), (_, fy, cy), _ = camera.intrinsics.tolist()
    if skew != 0:
        raise InputError(f"camera {camera.name!r}: {FORMAT.name} has no skew. Write lift3d_cameras_toml.")
    coefficients = camera.distortion.tolist()
    if camera.lens is Lens.FISHEYE:
        model = "OPENCV_FISHEYE"
    else:
        model = "FULL_OPENCV" if any(coefficients[4:]) else "OPENCV" if any(coefficients) else "PINHOLE"
    width, height = whole_size(camera)
    numbers = [fx, fy, cx + CORNER, cy + CORNER, *coefficients][: len(PARAMETERS[model])]
    return f"{model} {width} {height} {' '.join(map(repr, numbers))}"


def _pose_words(camera: FileCamera) -> str:
    rotation, translation = pose_of(camera)
    return " ".join(map(repr, [*matrix_to_quaternion(rotation).tolist(), *translation.tolist()]))


def _image_name(name: str) -> str:
    if not name or name.split() != [name]:
        raise InputError(f"camera {name!r}: names of images hold no blanks in {FORMAT.name}. Rename it.")
    return f"{name}.jpg"


FORMAT = FileFormat(
    name="colmap_text",
    holds=CameraRig,
    suffixes=("",),
    about="COLMAP model folder with cameras.txt and images.txt; a camera for each image; unit and up axis arbitrary.",
    recognises=_recognises,
    read=_read,
    write=_write,
)
