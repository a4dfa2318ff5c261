"""lift3d's own boxes: a NumPy archive of numbers and text, read without unpickling.

Arrays: ``boxes`` (cameras, frames, people, 4), left, top, width and height in pixels, NaN where there is nobody;
``camera_names``; and, if you like, ``scores`` (cameras, frames, people). Whoever has the same place among the people is
the same person.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lift3d.detection.box_files._checked import scored_box
from lift3d.detection.box_files._entry import BoxFile
from lift3d.detection.people_boxes import PeopleBoxes
from lift3d.errors import FileError
from lift3d.formats._safe_npz import read_numbers


def _read(path: Path) -> PeopleBoxes:
    arrays = read_numbers(path)
    if missing := [name for name in ("boxes", "camera_names") if name not in arrays]:
        raise FileError(path, f"lacks the arrays {', '.join(missing)}", "Expected boxes and camera_names.")
    boxes, names = arrays["boxes"], arrays["camera_names"]
    if boxes.ndim != 4 or boxes.shape[-1] != 4 or boxes.dtype.kind not in "iuf" or names.shape != boxes.shape[:1]:
        raise FileError(
            path, f"boxes have shape {boxes.shape}, camera_names {names.shape}",
            "Expected (cameras, frames, people, 4) and (cameras).",
        )  # fmt: skip
    scores = arrays.get("scores", np.ones(boxes.shape[:3]))
    if scores.shape != boxes.shape[:3]:
        raise FileError(path, f"scores have shape {scores.shape}", f"Expected {boxes.shape[:3]}, as the boxes.")
    cameras = {}
    for name, own_boxes, own_scores in zip(names.tolist(), boxes.tolist(), scores.tolist(), strict=True):
        cameras[str(name)] = {
            frame: tuple(
                scored_box(path, f"camera {name}, frame {frame}", box, score)._replace(person=person)
                for person, (box, score) in enumerate(zip(people, of_people, strict=True))
                if not all(np.isnan(box))
            )
            for frame, (people, of_people) in enumerate(zip(own_boxes, own_scores, strict=True))
        }
    return PeopleBoxes(cameras)


BOXES = BoxFile("lift3d_npz", ".npz", "lift3d's own: boxes, camera_names and scores, all cameras in one.", _read)
