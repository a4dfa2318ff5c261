"""A walk filmed by a rig like Human3.6M's, and the files that people have of such a thing, in their exact layouts."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from lift3d.cameras import CameraRig
from lift3d.formats import write_cameras
from lift3d.poses import Poses3D
from lift3d.skeletons import get_skeleton
from lift3d.synthetic import ring_rig, walk

SERIALS = ("54138969", "55011271", "58860488", "60457274")
HUMAN36M = get_skeleton("human36m17")
ROWS = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]  # of the 32 joints, those that move


def rig_of(seed: int, cameras: int = 4) -> CameraRig:
    """Cameras with the data set's names, size and lens model."""
    rig = ring_rig(cameras, image_size=(1000, 1000), lens="human36m", seed=seed)
    names = SERIALS[:cameras] if cameras <= 4 else rig.names
    return CameraRig.of({new: rig[old] for new, old in zip(names, rig.names, strict=True)})


@dataclass(frozen=True, eq=False)
class Recording:
    """A sequence: world positions (frames, 17, 3), metres, and exact pixels (cameras, frames, 17, 2)."""

    subject: str
    sequence: str
    rig: CameraRig
    world: np.ndarray
    pixels: np.ndarray


def recording(subject: str, sequence: str, frames: int, seed: int) -> Recording:
    rig = rig_of(seed)
    poses: Poses3D = walk(frames, fps=50, seed=seed)
    world = poses.positions[:, 0]
    return Recording(subject, sequence, rig, world.numpy(), rig.project(world).numpy())


def recordings() -> list[Recording]:
    """Three sequences of two subjects, each subject with a rig of its own."""
    return [
        recording("S1", "Walking 1", 12, seed=1),
        recording("S9", "Photo", 9, seed=9),
        recording("S9", "WalkDog 1", 7, seed=9),
    ]


def thirty_two(world: np.ndarray) -> np.ndarray:
    """The 17 joints among Human3.6M's 32; the others are far away, so that a wrong row is seen."""
    everything = np.full((len(world), 32, 3), 77.0)
    everything[:, ROWS] = world
    return everything


def write_calibrations(folder: Path, made: list[Recording]) -> Path:
    """One calibration a subject: ``S1.toml``, ``S9.toml``."""
    folder.mkdir()
    for one in made:
        write_cameras(one.rig, folder / f"{one.subject}.toml", "lift3d_cameras_toml")
    return folder


def as_object(value: Any) -> np.ndarray:
    array = np.empty((), dtype=object)
    array[()] = value
    return array


def write_videopose3d(folder: Path, made: list[Recording], detector: str = "gt", more: int = 0) -> tuple[Path, Path]:
    """The two archives; the detections go on for ``more`` frames (cut short, where it is negative)."""
    positions: dict[str, dict[str, Any]] = {}
    seen: dict[str, dict[str, Any]] = {}
    for one in made:
        positions.setdefault(one.subject, {})[one.sequence] = thirty_two(one.world).astype("f4")
        longer = np.concatenate([one.pixels, one.pixels[:, :1].repeat(max(more, 0), 1)], 1)
        cameras = [camera[: len(one.world) + more].astype("f4") for camera in longer]
        seen.setdefault(one.subject, {})[one.sequence] = cameras
    seen["S2"] = {"Walking": [np.zeros((5, 17, 2), "f4")] * 4}  # detections without motion
    metadata = {"num_joints": 17, "keypoints_symmetry": [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]]}
    first, second = folder / "data_3d_h36m.npz", folder / f"data_2d_h36m_{detector}.npz"
    np.savez_compressed(first, positions_3d=as_object(positions))
    np.savez_compressed(second, positions_2d=as_object(seen), metadata=as_object(metadata))
    return first, second


def human36m_parameters(rig: CameraRig, camera: str) -> dict[str, np.ndarray]:
    """R, T (millimetres), f, c, k, p as the data set has them: R from world to camera, T the camera's centre."""
    own = rig[camera]
    k = own.intrinsics
    k1, k2, p0, p1, k3 = own.distortion[:5].tolist()
    return {
        "R": own.rotation.numpy(), "T": 1000 * own.centre.numpy()[:, None],
        "f": np.array([[k[0, 0]], [k[1, 1]]]), "c": np.array([[k[0, 2]], [k[1, 2]]]),
        "k": np.array([[k1], [k2], [k3]]), "p": np.array([[p0], [p1]]),
    }  # fmt: skip


def write_martinez(folder: Path, made: list[Recording]) -> Path:
    """The folder h36m, with detections in MPII's order that lie one pixel right of the truth."""
    root = folder / "h36m"
    root.mkdir()
    with h5py.File(root / "cameras.h5", "w") as file:
        for one in {one.subject: one for one in made}.values():
            for number, name in enumerate(SERIALS, start=1):
                group = file.create_group(f"subject{one.subject[1:]}/camera{number}")
                for key, value in human36m_parameters(one.rig, name).items():
                    group[key] = value.T if key == "R" else value
                group["Name"] = np.array([[ord(letter)] for letter in name], dtype="u2")
    order = [HUMAN36M.index(joint) for joint in MPII_OF_HUMAN36M]
    for one in made:
        spelt = one.sequence.replace("Photo", "TakingPhoto").replace("WalkDog", "WalkingDog")
        path = root / one.subject / "MyPoses" / "3D_positions" / f"{spelt}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w") as file:
            file["3D_positions"] = (1000 * thirty_two(one.world)).reshape(len(one.world), 96).T
        for camera, pixels in zip(SERIALS, one.pixels, strict=True):
            own = root / one.subject / "StackedHourglass" / f"{one.sequence.replace(' ', '_')}.{camera}.h5"
            own.parent.mkdir(parents=True, exist_ok=True)
            with h5py.File(own, "w") as file:
                file["poses"] = pixels[:, order] + [1.0, 0.0]
    return root


MPII_OF_HUMAN36M = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "thorax", "neck_nose",
    "head", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
)  # fmt: skip


def mmpose_rows(made: list[Recording], step: int = 5) -> list[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """Per picture: its name, pixels, positions in the camera frame, in the world; every fifth frame is there."""
    rows = []
    for one in made:
        for camera, pixels in zip(SERIALS, one.pixels, strict=True):
            own = one.rig[camera].world_to_camera(torch.from_numpy(one.world).reshape(-1, 3)).reshape(-1, 17, 3)
            spelt = one.sequence.replace("Photo", "TakingPhoto").replace("WalkDog", "WalkingDog").replace(" ", "_")
            folder = f"{one.subject}_{spelt}.{camera}"
            for frame in range(0, len(one.world), step):
                name = f"{one.subject}/{folder}/{folder}_{frame + 1:06d}.jpg"
                rows.append((name, pixels[frame], own[frame].numpy(), one.world[frame]))
    return rows


def with_ones(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values, np.ones((*values.shape[:-1], 1))], axis=-1)


def write_mmpose_npz(folder: Path, made: list[Recording]) -> tuple[Path, Path]:
    """The annotations, and detections of the same rows that lie one pixel below the truth, with score 0.5."""
    rows = mmpose_rows(made)
    pixels, own = (np.stack([row[place] for row in rows]) for place in (1, 2))
    first, second = folder / "h36m_test.npz", folder / "cpn_ft_h36m_dbb_test.npy"
    names = np.array([row[0] for row in rows])
    np.savez(first, imgname=names, center=pixels[:, 0], scale=pixels[:, 0, 0], part=with_ones(pixels), S=with_ones(own))
    np.save(second, np.concatenate([pixels + np.array([0.0, 1.0]), np.full((*pixels.shape[:2], 1), 0.5)], axis=-1))
    return first, second


def write_mmpose_cameras(path: Path, made: list[Recording]) -> Path:
    table = {}
    for one in made:
        for name in SERIALS:
            own = human36m_parameters(one.rig, name)
            own = own | {"R": own["R"].T, "T": own["T"] / 1000, "w": 1000, "h": 1000}
            table[one.subject, name] = own
    path.write_bytes(pickle.dumps(table))
    return path
