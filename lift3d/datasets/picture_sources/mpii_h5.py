"""MPII Human Pose as the stacked hourglass reads it (Newell et al. 2016): ``train.h5`` and ``valid.h5``.

Rows of people: ``imgname``; ``center`` (people, 2) and ``scale``, as in ``mpii_json``; ``part`` (people, 16, 2), pixels
counted from 1, 0 where a joint is not labelled; ``visible`` (people, 16); ``normalize``, the head size that PCKh
divides by. Here pixels count from 0.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lift3d.datasets.labelled_pictures import LabelledPeople, LabelledPictures, PictureOptions, PicturesFormat
from lift3d.datasets.picture_sources._boxes import around_centres
from lift3d.datasets.picture_sources._picture_files import PictureFiles
from lift3d.errors import FileError
from lift3d.formats._h5 import array_of, holds_all, opened, texts
from lift3d.skeletons import get_skeleton

_SHAPES = {"center": (2,), "scale": (), "part": (16, 2), "visible": (16,), "normalize": ()}


def _recognises(path: Path) -> bool:
    return path.is_file() and holds_all(path, ("imgname", *_SHAPES))


def _read(path: Path, images: Path | None, options: PictureOptions) -> LabelledPictures:  # noqa: ARG001
    with opened(path) as file:
        names = [name.rstrip("\0") for name in texts(path, file, "imgname")]
        arrays = {name: array_of(path, file, name) for name in _SHAPES}
    for name, shape in _SHAPES.items():
        if arrays[name].shape != (len(names), *shape) or arrays[name].dtype.kind not in "iufb":
            problem = f"{name} has shape {arrays[name].shape}; expected numbers {(len(names), *shape)}"
            raise FileError(path, problem, "Write or copy it again.")
    scales = arrays["scale"].astype(float)
    centres = arrays["center"] + np.stack([np.zeros_like(scales), 15 * scales], axis=1) - 1
    labelled = arrays["part"][..., 0] > 0
    pictures = list(dict.fromkeys(names))
    place = {name: number for number, name in enumerate(pictures)}
    people = LabelledPeople.of(
        np.array([place[name] for name in names]),
        around_centres(centres, 200 * scales, 200 * scales),
        np.where(labelled[..., None], arrays["part"] - 1.0, np.nan),
        np.where(labelled, 1 + (arrays["visible"] > 0), 0),
        head_sizes=np.where(arrays["normalize"] > 0, arrays["normalize"], np.nan),
    )
    return LabelledPictures(get_skeleton("mpii16"), people, pictures, PictureFiles(images, pictures, path))


PICTURES = PicturesFormat(
    name="mpii_h5",
    about="MPII as the stacked hourglass's train.h5 and valid.h5, with head sizes.",
    recognises=_recognises,
    read=_read,
)
