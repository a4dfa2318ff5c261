"""Human3.6M's frames as Sun et al. 2018 lay them out: a folder of ``annot/{sequence}/matlab_meta.txt``.

A sequence is called ``s_09_act_02_subact_01_ca_01``. Its file holds, each line but the first behind a word that is
skipped: the number of frames; the picture's width and height; the camera's rotation (nine numbers by columns, world to
camera), centre in the world (millimetres), focal lengths, principal point, k and p of the data set's lens; the numbers
of 17 joints, from 1; then for each frame 32 joints in the world, millimetres. Frame n, from 1, is the picture
``{sequence}/{sequence}_{n:06d}.jpg``; ``images`` is the folder of those folders.

Pixels are projected with the lens, as the pictures are distorted (the published code leaves it out). The box is 1.6 m
wide and high at the pelvis's depth, about the pelvis: grown by 1.25 it is the published crop of 2 m.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from lift3d.cameras import Camera, Lens
from lift3d.datasets.labelled_pictures import LabelledPeople, LabelledPictures, PictureOptions, PicturesFormat
from lift3d.datasets.picture_sources._boxes import around_centres
from lift3d.datasets.picture_sources._picture_files import PictureFiles
from lift3d.datasets.picture_sources._picture_names import FrameNames
from lift3d.errors import FileError, InputError
from lift3d.skeletons import get_skeleton

_FILE = "matlab_meta.txt"
_HEAD = {"size": 2, "rotation": 9, "centre": 3, "focal": 2, "point": 2, "k": 3, "p": 2, "joints": 17}
_BOX_METRES = 1.6


def _root(path: Path) -> Path | None:
    """The folder of the sequences' folders."""
    places = (path / "annot", path) if path.is_dir() else ()
    return next((one for one in places if any(one.glob(f"*/{_FILE}"))), None)


def _recognises(path: Path) -> bool:
    return _root(path) is not None


def _read(path: Path, images: Path | None, options: PictureOptions) -> LabelledPictures:  # noqa: ARG001
    root = _root(path)
    if root is None:
        raise FileError(path, f"has no folder annot/*/{_FILE}", "Give the folder that holds annot.")
    files = sorted(root.glob(f"*/{_FILE}"))
    skeleton = get_skeleton("human36m17")
    parts = [_sequence(file) for file in files]
    positions, pixels, boxes = (np.concatenate(values) for values in zip(*parts, strict=True))
    frames = [len(part[0]) for part in parts]
    names = FrameNames(
        [f"{file.parent.name}/{file.parent.name}_%06d.jpg" for file in files],
        np.repeat(np.arange(len(files), dtype=np.int32), frames),
        np.concatenate([np.arange(1, count + 1, dtype=np.int32) for count in frames]),
    )
    people = LabelledPeople.of(np.arange(len(names)), boxes, pixels, joints_3d=positions)
    return LabelledPictures(skeleton, people, names, PictureFiles(images, names, path))


def _sequence(file: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joints in the camera frame (frames, 17, 3) and in pixels, and the boxes."""
    head, world = _parsed(file)
    rotation = head["rotation"].reshape(3, 3).T
    (fx, fy), (cx, cy), (k1, k2, k3), (p0, p1) = (head[name].tolist() for name in ("focal", "point", "k", "p"))
    try:
        camera = Camera.of(
            [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], [k1, k2, p0, p1, k3], rotation,
            -rotation @ head["centre"] / 1000, head["size"], Lens.HUMAN36M,
        )  # fmt: skip
    except InputError as error:
        raise FileError(file, str(error)) from error
    own = world[:, head["joints"].astype(int) - 1] / 1000
    positions = camera.world_to_camera(torch.from_numpy(own).reshape(-1, 3))
    pixels = camera.project_camera(positions).numpy().reshape(-1, 17, 2)
    pelvis = positions.reshape(-1, 17, 3)[:, 0].numpy()
    centres = pelvis[:, :2] / pelvis[:, 2:] * (fx, fy) + (cx, cy)  # of the pinhole, as published
    sides = _BOX_METRES / pelvis[:, 2]
    return positions.reshape(-1, 17, 3).numpy(), pixels, around_centres(centres, fx * sides, fy * sides)


def _parsed(file: Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The head by name, and (frames, 32, 3) millimetres in the world."""
    expected = f"Expected the lines of {_FILE}: see lift3d.datasets.picture_sources.human36m_integral."
    try:
        first, *lines = file.read_text(encoding="utf-8").splitlines()
        count, rows = int(first.split()[-1]), lines[len(_HEAD) :]
        head = {
            name: np.array(line.split()[-numbers:], dtype=float).reshape(numbers)
            for (name, numbers), line in zip(_HEAD.items(), lines[: len(_HEAD)], strict=True)
        }
        world = np.loadtxt(rows or ["0 " * 97], usecols=range(1, 97), ndmin=2).reshape(-1, 32, 3)
    except OSError as error:
        raise FileError(file, f"cannot be read ({error.strerror})", "Check the path.") from error
    except (ValueError, IndexError) as error:
        raise FileError(file, f"is not as it should be ({' '.join(str(error).split())})", expected) from error
    if count != len(rows):
        raise FileError(file, f"announces {count} frames and holds {len(rows)}", "It may be cut short; copy it again.")
    joints = head["joints"]
    if not ((joints >= 1) & (joints <= 32) & (joints % 1 == 0)).all():
        raise FileError(file, f"its joints are {joints.tolist()}; expected 17 numbers from 1 to 32", expected)
    return head, world[: len(rows)]


PICTURES = PicturesFormat(
    name="human36m_integral",
    about="Human3.6M as Sun et al. 2018: a folder of annot/*/matlab_meta.txt; pixels and the camera frame.",
    recognises=_recognises,
    read=_read,
)
