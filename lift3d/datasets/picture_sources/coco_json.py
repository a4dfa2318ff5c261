"""COCO's keypoint annotations, such as ``person_keypoints_val2017.json`` (Lin et al. 2014), and what has their layout.

``images``: ``id``, ``file_name``, ``width``, ``height``; ``annotations``: ``image_id``, ``bbox`` (left, top, width,
height), ``area``, ``iscrowd``, ``keypoints`` (x, y, v for each joint; v = 0 not labelled, 1 hidden, 2 visible). Crowds,
people without a labelled joint and boxes that lie outside of the picture are left out, and boxes are cut at its edge,
as HRNet does (Sun et al. 2019).

Another skeleton than COCO's is told by the names of ``categories[0].keypoints``, by the number of joints, or by
``skeleton=``. MMPose's ``h36m_coco.json`` also has ``keypoints_3d`` (17 of x, y, z, whether there; metres, world): with
``cameras=`` they become joints in the camera frame. S11's first Directions are left out of it, as everyone does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lift3d.datasets._mmpose_images import recordings
from lift3d.datasets._rigs_by_subject import RigsBySubject
from lift3d.datasets.labelled_pictures import LabelledPeople, LabelledPictures, PictureOptions, PicturesFormat
from lift3d.datasets.picture_sources._boxes import clipped
from lift3d.datasets.picture_sources._picture_files import PictureFiles
from lift3d.errors import FileError
from lift3d.formats._detections import skeleton_of_count
from lift3d.formats._json import beginning, json_list, json_table, read_json
from lift3d.skeletons import Skeleton, get_skeleton, skeleton_names


def _recognises(path: Path) -> bool:
    if not path.is_file() or path.suffix.lower() != ".json":
        return False
    text = beginning(path)
    return text.startswith("{") and re.search(r'"(images|annotations|categories|info)"\s*:', text) is not None


def _read(path: Path, images: Path | None, options: PictureOptions) -> LabelledPictures:
    table = json_table(path, "the file", read_json(path))
    listed = [json_table(path, "an image", one) for one in json_list(path, "images", table.get("images"))]
    names, ids, sizes = _pictures(path, listed)
    place = {identity: number for number, identity in enumerate(ids)}
    own = [one for one in json_list(path, "annotations", table.get("annotations")) if _is_labelled(one)]
    if not own:
        raise FileError(path, "nobody in it has a labelled joint", "Pass the keypoint annotations of this set.")
    picture, boxes, areas, joints = _people(path, own, place)
    boxes = clipped(boxes, sizes[picture])
    kept = (boxes[:, 2] >= 0) & (boxes[:, 3] >= 0) & (areas > 0)
    positions = _positions(path, own, joints.shape[1])
    if positions is not None:
        positions, filmed = _in_camera_frame(path, positions, [names[number] for number in picture], options.cameras)
        kept &= filmed
    elif options.cameras is not None:
        raise FileError(path, "has no keypoints_3d, so that its cameras would serve nothing", "Leave them out.")
    people = LabelledPeople.of(
        picture[kept], boxes[kept], np.where(joints[kept, :, 2:] > 0, joints[kept, :, :2], np.nan),
        joints[kept, :, 2], areas=areas[kept], joints_3d=None if positions is None else positions[kept],
    )  # fmt: skip
    skeleton = _skeleton(path, table, joints.shape[1], options.skeleton, "keypoints_3d" in own[0])
    return LabelledPictures(skeleton, people, names, PictureFiles(images, names, path), ids)


def _pictures(path: Path, listed: list[dict[str, Any]]) -> tuple[list[str], list[int], np.ndarray]:
    """Names, ids and sizes (pictures, 2); a size that is not given is infinite."""
    try:
        names = [str(one["file_name"]) for one in listed]
        ids = [int(one["id"]) for one in listed]
        sizes = np.array([(one.get("width", np.inf), one.get("height", np.inf)) for one in listed], dtype=float)
    except (KeyError, TypeError, ValueError) as error:
        problem = f"an entry of images is not as COCO's are ({type(error).__name__}: {error})"
        raise FileError(path, problem, "Expected id, file_name, width and height.") from error
    if len(set(ids)) < len(ids):
        raise FileError(path, "two images have the same id", "Number them anew.")
    return names, ids, sizes.reshape(-1, 2)


def _is_labelled(annotation: Any) -> bool:
    """Whether it is a single person with a labelled joint; what is damaged passes, for an error later."""
    if not isinstance(annotation, Mapping) or not isinstance(annotation.get("keypoints"), list):
        return not (isinstance(annotation, Mapping) and "keypoints" not in annotation)
    return not annotation.get("iscrowd") and any(annotation["keypoints"][2::3])


def _people(
    path: Path, annotations: list[Any], place: Mapping[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Picture (people), box (people, 4), area (people) and joints (people, joints, 3) of annotations."""
    try:
        picture = np.array([place[one["image_id"]] for one in annotations])
        boxes = np.array([one["bbox"] for one in annotations], dtype=float).reshape(len(annotations), 4)
        areas = np.array([one.get("area", one["bbox"][2] * one["bbox"][3]) for one in annotations], dtype=float)
        joints = np.array([one["keypoints"] for one in annotations], dtype=float).reshape(len(annotations), -1, 3)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise _first_wrong(path, annotations, place) from error
    if not (np.isfinite(boxes).all() and np.isfinite(joints).all()):
        raise FileError(path, "a box or a joint is not finite", "Expected numbers; v = 0 marks a joint not labelled.")
    return picture, boxes, areas, joints


def _first_wrong(path: Path, annotations: list[Any], place: Mapping[int, int]) -> FileError:
    """The error that names the first annotation which is not as expected."""
    expected = "Expected image_id of one of the images, bbox of 4 numbers, keypoints of 3 a joint."
    for row, one in enumerate(annotations):
        where = f"labelled annotation {row}"
        if not isinstance(one, Mapping) or not isinstance(one.get("keypoints"), list):
            return FileError(path, f"{where} is no table with a list of keypoints", expected)
        where += f" (id {one.get('id')!r})"
        if one.get("image_id") not in place:
            return FileError(path, f"{where} is of image {one.get('image_id')!r}, which is not listed", expected)
        if not isinstance(one.get("bbox"), list) or len(one["bbox"]) != 4:
            return FileError(path, f"{where} has the box {one.get('bbox')!r}", expected)
        if len(one["keypoints"]) != len(annotations[0]["keypoints"]) or len(one["keypoints"]) % 3:
            return FileError(path, f"{where} has {len(one['keypoints'])} numbers of keypoints", expected)
    return FileError(path, "an annotation holds what is no number", expected)


def _positions(path: Path, annotations: list[Any], joints: int) -> np.ndarray | None:
    """(people, joints, 3) in the world, NaN where not there; None where the file has none."""
    if "keypoints_3d" not in annotations[0]:
        return None
    try:
        values = np.array([one["keypoints_3d"] for one in annotations], dtype=float).reshape(-1, joints, 4)
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(path, "has keypoints_3d of several kinds", f"Expected {joints} x 4 for everyone.") from error
    return np.where(values[..., 3:] > 0, values[..., :3], np.nan)


def _in_camera_frame(
    path: Path, world: np.ndarray, names: list[str], rigs: RigsBySubject | None
) -> tuple[np.ndarray | None, np.ndarray]:
    """Human3.6M's positions in the frame of the camera that took each picture, and which pictures are used."""
    filmed = np.zeros(len(world), dtype=bool)
    positions = np.full_like(world, np.nan)
    for one in recordings(path, names):
        filmed[one.rows] = True
        if rigs is not None:
            flat = torch.from_numpy(world[one.rows]).reshape(-1, 3)
            own = rigs.camera(one.subject, one.camera)[1].world_to_camera(flat)
            positions[one.rows] = own.numpy().reshape(len(one.rows), -1, 3)
    return (None if rigs is None else positions), filmed


def _skeleton(path: Path, table: dict[str, Any], joints: int, given: Skeleton | None, is_human36m: bool) -> Skeleton:
    if given is None and is_human36m and joints == 17:
        return get_skeleton("human36m17")
    categories = table.get("categories")
    first = categories[0] if isinstance(categories, list) and categories else None
    names = first.get("keypoints") if isinstance(first, Mapping) else None
    if given is None and isinstance(names, list):
        known = [get_skeleton(name) for name in skeleton_names()]
        given = next((one for one in known if list(one.joints) == names), None)
    return skeleton_of_count(path, joints, given)


PICTURES = PicturesFormat(
    name="coco_json",
    about="COCO's person_keypoints_*.json and what has its layout, also MMPose's h36m_coco.json (cameras= for 3D).",
    recognises=_recognises,
    read=_read,
    takes=("skeleton", "cameras"),
)
