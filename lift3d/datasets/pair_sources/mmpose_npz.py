"""MMPose's Human3.6M annotations, ``h36m_train.npz`` and ``h36m_test.npz``.

Rows of pictures: ``imgname``; ``S`` (rows, 17, 4), metres in the camera frame, and whether the joint is there;
``part`` (rows, 17, 3), true pixels, and the same. ``path_2d`` is a file of detections of the same rows
(``cpn_ft_h36m_dbb_test.npy``, (rows, 17, 3): x, y, score), read as it is needed; without it the pixels are the true
ones. Pictures are grouped by subject, sequence and camera. The archive itself is read whole. Cameras are only needed
to go to the world: ``cameras="cameras.pkl"`` or ``metadata.xml``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lift3d.datasets._mmpose_images import recordings, to_clip
from lift3d.datasets._rigs_by_subject import RigsBySubject
from lift3d.datasets.pose_pairs import PairsFormat, PosePairs
from lift3d.errors import FileError
from lift3d.formats._safe_npz import member_names, read_numbers
from lift3d.skeletons import get_skeleton

_JOINTS = 17


def _recognises(path: Path) -> bool:
    return path.is_file() and {"imgname", "S", "part"} <= member_names(path)


def _read(path: Path, path_2d: str | None, rigs: RigsBySubject | None, fps: float | None) -> PosePairs:
    arrays = read_numbers(path)
    missing = {"imgname", "S", "part"} - set(arrays)
    if missing:
        raise FileError(path, f"lacks the arrays {', '.join(sorted(missing))}", "Expected MMPose's h36m_*.npz.")
    names = [one.decode() if isinstance(one, bytes) else str(one) for one in arrays["imgname"].tolist()]
    for name, width in {"S": 4, "part": 3}.items():
        _check_shape(path, name, arrays[name], len(names), width)
    seen = arrays["part"] if path_2d is None else _detections(Path(path_2d), len(names))
    found = recordings(path, names)
    clips = tuple(to_clip(one, rigs, fps) for one in found)
    skeleton = get_skeleton("human36m17")
    return PosePairs(clips, skeleton, skeleton, _Frames(seen, arrays["S"], [one.rows for one in found]))


class _Frames:
    """Gives frames by their rows."""

    def __init__(self, seen: np.ndarray, positions: np.ndarray, rows: list[np.ndarray]) -> None:
        self.seen, self.positions, self.rows = seen, positions, rows

    def __call__(self, clip: int, start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = self.rows[clip][start:stop]
        seen, there = np.asarray(self.seen[rows], dtype=np.float64), np.asarray(self.positions[rows], dtype=np.float64)
        pixels = np.where(seen[..., 2:] > 0, seen[..., :2], np.nan)
        return pixels, seen[..., 2], np.where(there[..., 3:] > 0, there[..., :3], np.nan)


def _detections(path: Path, rows: int) -> np.ndarray:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        problem = f"is no array of detections ({' '.join(str(error).split())})"
        raise FileError(path, problem, "Pass MMPose's joint_2d_det_files/*.npy.") from error
    _check_shape(path, "the array", array, rows, 3)
    return array


def _check_shape(path: Path, name: str, array: np.ndarray, rows: int, width: int) -> None:
    if array.shape != (rows, _JOINTS, width) or array.dtype.kind not in "iuf":
        raise FileError(path, f"{name} has shape {array.shape}; expected numbers {(rows, _JOINTS, width)}")


PAIRS = PairsFormat(
    name="mmpose_npz",
    about="MMPose's h36m_train.npz and h36m_test.npz, with joint_2d_det_files/*.npy as detections.",
    recognises=_recognises,
    read=_read,
)
