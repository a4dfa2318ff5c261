"""VideoPose3D's archives: ``data_3d_*.npz`` with ``data_2d_*.npz``, of Human3.6M, HumanEva or MPI-INF-3DHP.

The 2D file holds ``positions_2d`` = {subject: {action: one (frames, joints, 2) array a camera}}, distorted pixels, in
an object array, a pickle that is read by an allow-list. What its joints are is said by the detector's name in the
file's (``cpn_ft_h36m_dbb``: human36m17, ``detectron_pt_coco``: coco17, ``sh_pt_mpii``: mpii16), else by the metadata's
``layout_name``; those of ``gt`` are the 3D file's; 16 are mpii16. Scores are 1 where a joint is seen. Both files are
read whole, and the arrays in use stay in memory; convert them once (``python -m data_tools.make_pose_pairs``) to read
them piece by piece.

The archives hold no cameras: pass ``cameras=``, such as Human3.6M's own ``metadata.xml``. They are taken in the order
of their names, as VideoPose3D numbers them. Sequences are those that both files have; where detections go on longer
than the 3D they are cut, where they end before it that is an error. 50 frames a second for Human3.6M, 60 for HumanEva,
else ``fps=``, or 30.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lift3d.cameras import Camera
from lift3d.datasets._rigs_by_subject import RigsBySubject
from lift3d.datasets._sequence_names import action_of, canonical, is_left_out
from lift3d.datasets._videopose3d_positions import ROWS_OF_3DHP, Positions, read_positions
from lift3d.datasets.pose_pairs import PairClip, PairsFormat, PosePairs
from lift3d.errors import FileError
from lift3d.formats._safe_npz import member_names, read_objects
from lift3d.formats._videopose3d import LAYOUTS, cameras_of, dict_of
from lift3d.skeletons import Skeleton, get_skeleton

_BY_NAME = ("mpii", "coco", "h36m", "humaneva15")  # the first that a detector's name contains is its layout


def _recognises(path: Path) -> bool:
    return path.is_file() and "positions_3d" in member_names(path)


def _read(path: Path, path_2d: str | None, rigs: RigsBySubject | None, fps: float | None) -> PosePairs:
    if path_2d is None:
        raise FileError(path, "holds only the 3D", "Pass the file of detections too, such as data_2d_h36m_gt.npz.")
    if rigs is None:
        raise FileError(path, "holds no cameras", "Pass cameras=..., such as Human3.6M's metadata.xml.")
    archive, second = read_positions(path), Path(path_2d)
    arrays = read_objects(second)
    found = cameras_of(second, dict_of(second, arrays, "positions_2d"))
    if archive.dataset == "h36m":
        found = {(subject, canonical(name)): cameras for (subject, name), cameras in found.items()}
    metadata = dict_of(second, arrays, "metadata") if "metadata" in arrays else {}
    clips, sources = [], []
    for key in _shared(second, archive, found):
        positions, cameras = archive.sequences[key], found[key]
        person, split = archive.person_and_split(key[0])
        for number, pixels in enumerate(cameras):
            name, camera = rigs.camera(person, number, len(cameras))
            rate = fps or archive.frames_per_second
            shape = len(positions), rate, camera, action_of(key[1]), split
            clips.append(PairClip(person, _sequence(key), name, *shape))
            sources.append((_pixels(second, key, pixels, len(positions)), positions, camera))
    skeleton, rows = _keypoint_skeleton(second, sources[0][0].shape[1], metadata, archive)
    return PosePairs(tuple(clips), skeleton, archive.skeleton, _Frames(sources, rows))


class _Frames:
    """Gives frames, with the positions turned into the camera frame."""

    def __init__(self, sources: list[tuple[np.ndarray, np.ndarray, Camera]], rows: list[int]) -> None:
        self.sources, self.rows = sources, rows

    def __call__(self, clip: int, start: int, stop: int) -> tuple[np.ndarray, None, np.ndarray]:
        pixels, world, camera = self.sources[clip]
        flat = torch.from_numpy(world[start:stop]).to(camera.rotation.dtype).reshape(-1, 3)
        positions = camera.world_to_camera(flat).numpy().reshape(-1, *world.shape[1:])
        return pixels[start:stop, self.rows], None, positions


def _sequence(key: tuple[str, str]) -> str:
    """The sequence; with HumanEva's split, as the same name may stand in several."""
    split, slash, _ = key[0].rpartition("/")
    return f"{split} {key[1]}" if slash else key[1]


def _shared(path: Path, archive: Positions, found: Mapping[tuple[str, str], Any]) -> list[tuple[str, str]]:
    """The sequences that both files have; a warning says which have no detections."""
    shared = [key for key in archive.sequences if key in found]
    alone = ["/".join(key) for key in archive.sequences if key not in found and not is_left_out(*key)]
    if not shared:
        raise FileError(path, "has no sequence of the 3D file", "Pass two files of one data set.")
    if alone:
        some = ", ".join(alone[:3]) + (", ..." if len(alone) > 3 else "")
        warnings.warn(f"{path}: {len(alone)} sequences have no detections and are left out: {some}.", stacklevel=4)
    return shared


def _pixels(path: Path, key: tuple[str, str], pixels: Any, frames: int) -> np.ndarray:
    """One camera's pixels, (frames, joints, 2)."""
    fits = isinstance(pixels, np.ndarray) and pixels.dtype.kind in "iuf" and pixels.ndim == 3 and pixels.shape[2] >= 2
    if not fits:
        raise FileError(path, f"{'/'.join(key)}: a camera is no array of numbers of shape (frames, joints, 2)")
    if len(pixels) < frames:
        problem = f"{'/'.join(key)}: {len(pixels)} frames of detections for {frames} of motion"
        raise FileError(path, problem, "Detections must not end before the motion.")
    return pixels[:frames, :, :2].astype(np.float32)


def _keypoint_skeleton(
    path: Path, joints: int, metadata: Mapping[Any, Any], archive: Positions
) -> tuple[Skeleton, list[int]]:
    """What the detections' joints are, and their rows in the order of that skeleton."""
    detector = path.stem.removeprefix("data_2d_").partition("_")[2]
    layouts = [detector, *([] if detector == "gt" else [str(metadata.get("layout_name", ""))])]
    named = next((LAYOUTS[name] for layout in layouts for name in _BY_NAME if name in layout), None)
    named = "mpii16" if joints == 16 else named  # also of sh_ft_h36m
    skeleton = get_skeleton(named) if named else archive.skeleton
    if archive.dataset == "3dhp" and named is None and joints in ROWS_OF_3DHP:
        return skeleton, list(ROWS_OF_3DHP[joints])
    if len(skeleton) != joints:
        raise FileError(
            path, f"has {joints} joints; expected the {len(skeleton)} of {skeleton.name}",
            "Keep the name that VideoPose3D gives the file: it says what the joints are.",
        )  # fmt: skip
    return skeleton, list(range(joints))


PAIRS = PairsFormat(
    name="videopose3d_npz",
    about="VideoPose3D's data_3d_*.npz with data_2d_*.npz: Human3.6M, HumanEva, MPI-INF-3DHP; needs cameras.",
    recognises=_recognises,
    read=_read,
)
