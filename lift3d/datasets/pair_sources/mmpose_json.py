"""MMPose's Human3.6M annotations in COCO's layout, ``h36m_coco.json``.

``images`` with ``id`` and ``file_name`` (see ``_mmpose_images``); ``annotations`` with ``image_id``, ``keypoints`` (51
numbers: x, y, whether seen; true pixels) and ``keypoints_3d`` (17 of x, y, z, whether there; metres, world). The file
is read whole. It holds no cameras: pass ``cameras="cameras.pkl"`` or ``metadata.xml``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from lift3d.datasets._mmpose_images import recordings, to_clip
from lift3d.datasets._rigs_by_subject import RigsBySubject
from lift3d.datasets.pose_pairs import PairClip, PairsFormat, PosePairs
from lift3d.errors import FileError
from lift3d.formats._json import beginning, json_list, json_table, read_json
from lift3d.skeletons import get_skeleton

_JOINTS = 17


def _recognises(path: Path) -> bool:
    if not path.is_file() or path.suffix.lower() != ".json":
        return False
    return beginning(path, 64).startswith("{") and _mentions(path, b'"keypoints_3d"')


def _mentions(path: Path, word: bytes) -> bool:
    """Whether a word stands anywhere in a file; read piece by piece."""
    try:
        with path.open("rb") as file:
            tail = b""
            while piece := file.read(1 << 20):
                if word in tail + piece:
                    return True
                tail = piece[-len(word) :]
    except OSError:
        pass
    return False


def _read(path: Path, path_2d: str | None, rigs: RigsBySubject | None, fps: float | None) -> PosePairs:
    if path_2d is not None:
        raise FileError(path, "holds its own pixels", "Leave out the second path.")
    if rigs is None:
        raise FileError(path, "holds no cameras", "Pass cameras=..., such as MMPose's cameras.pkl.")
    names, seen, world = _rows(path, json_table(path, "the file", read_json(path)))
    found = recordings(path, names)
    clips = tuple(to_clip(one, rigs, fps) for one in found)
    skeleton = get_skeleton("human36m17")
    return PosePairs(clips, skeleton, skeleton, _Frames(clips, seen, world, [one.rows for one in found]))


class _Frames:
    """Gives frames by their rows, turned into the camera frame."""

    def __init__(
        self, clips: tuple[PairClip, ...], seen: np.ndarray, world: np.ndarray, rows: list[np.ndarray]
    ) -> None:
        self.clips, self.seen, self.world, self.rows = clips, seen, world, rows

    def __call__(self, clip: int, start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows, camera = self.rows[clip][start:stop], self.clips[clip].camera
        assert camera is not None
        seen, there = self.seen[rows], self.world[rows]
        flat = torch.from_numpy(np.where(there[..., 3:] > 0, there[..., :3], np.nan)).reshape(-1, 3)
        positions = camera.world_to_camera(flat).numpy().reshape(*there.shape[:2], 3)
        return np.where(seen[..., 2:] > 0, seen[..., :2], np.nan), (seen[..., 2] > 0).astype(float), positions


def _rows(path: Path, table: dict[str, Any]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Per annotation: the picture's name, (17, 3) pixels and (17, 4) positions."""
    annotations = json_list(path, "annotations", table.get("annotations"))
    try:
        names = {image["id"]: str(image["file_name"]) for image in json_list(path, "images", table.get("images"))}
        own = [names[one["image_id"]] for one in annotations]
        seen = np.array([one["keypoints"] for one in annotations], dtype=np.float64).reshape(-1, _JOINTS, 3)
        world = np.array([one["keypoints_3d"] for one in annotations], dtype=np.float64).reshape(-1, _JOINTS, 4)
    except (KeyError, TypeError, ValueError) as error:
        problem = f"an annotation is not as MMPose's are ({type(error).__name__}: {error})"
        raise FileError(path, problem, "Expected image_id, 51 keypoints and 17 x 4 keypoints_3d.") from error
    if not len(seen) == len(world) == len(own):
        raise FileError(path, "has annotations of several sizes", "Expected 51 keypoints and 17 x 4 keypoints_3d.")
    return own, seen, world


PAIRS = PairsFormat(
    name="mmpose_json",
    about="MMPose's h36m_coco.json: true pixels, positions in the world; needs cameras.",
    recognises=_recognises,
    read=_read,
)
