"""Files of labelled pictures in the layouts that people have, of a few drawn pictures and made-up recordings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from made_up import SERIALS, Recording, human36m_parameters, thirty_two
from PIL import Image
from scipy.io import savemat

SIZE = (64, 48)  # width, height


def marked(path: Path, pixels: np.ndarray, size: tuple[int, int] = SIZE) -> None:
    """A black picture with one lit pixel a joint; red is 10 times the joint's number plus 5, blue is 200."""
    rgb = np.zeros((size[1], size[0], 3), np.uint8)
    for joint, (x, y) in enumerate(pixels):
        rgb[int(y), int(x)] = 10 * joint + 5, 100, 200
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rgb).save(path)


def joints_at(seed: int, joints: int = 17) -> np.ndarray:
    """(joints, 2) different whole pixels within the picture."""
    places = np.random.default_rng(seed).permutation(SIZE[0] * SIZE[1])[:joints]
    return np.stack([places % SIZE[0], places // SIZE[0]], axis=1).astype(float)


def triplets(pixels: np.ndarray, visibility: Any) -> list[float]:
    values = np.concatenate([pixels, np.broadcast_to(visibility, len(pixels))[:, None]], axis=1)
    values[values[:, 2] == 0] = 0
    return values.reshape(-1).tolist()


def write_coco(folder: Path) -> tuple[Path, Path, np.ndarray]:
    """Three pictures; labelled people in two of them, a crowd, and one without a labelled joint.

    Ids of images are 7, 3, 12, and the people are not in their order.
    """
    pixels = np.stack([joints_at(seed) for seed in range(3)])
    images = folder / "val2017"
    for number, own in ((7, pixels[0]), (3, pixels[1]), (12, pixels[2])):
        marked(images / f"{number:012d}.png", own)
    visibility = np.array([2] * 15 + [1, 0])
    table = {
        "info": {"description": "made up"},
        "images": [
            {"id": number, "file_name": f"{number:012d}.png", "width": SIZE[0], "height": SIZE[1]}
            for number in (7, 3, 12)
        ],
        "annotations": [
            {"id": 1, "image_id": 3, "category_id": 1, "iscrowd": 0, "num_keypoints": 16, "area": 900.5,
             "bbox": [10, 5, 30, 40], "keypoints": triplets(pixels[1], visibility)},
            {"id": 2, "image_id": 12, "category_id": 1, "iscrowd": 0, "num_keypoints": 0, "area": 50,
             "bbox": [1, 1, 9, 9], "keypoints": [0] * 51},
            {"id": 3, "image_id": 7, "category_id": 1, "iscrowd": 1, "num_keypoints": 0, "area": 2000,
             "bbox": [0, 0, 60, 40], "keypoints": [0] * 51},
            {"id": 4, "image_id": 7, "category_id": 1, "iscrowd": 0, "num_keypoints": 17, "area": 1500,
             "bbox": [-3, 20, 90, 40], "keypoints": triplets(pixels[0], 2)},
        ],
        "categories": [{"id": 1, "name": "person"}],
    }  # fmt: skip
    path = folder / "person_keypoints_val2017.json"
    path.write_text(json.dumps(table))
    return path, images, pixels


def mpii_people() -> list[dict[str, Any]]:
    """Two people in one picture and one in another, as HRNet's files have them: counted from 1."""
    people = []
    for seed, image in ((0, "b.png"), (1, "a.png"), (2, "b.png")):
        pixels = joints_at(seed, 16)
        there = np.ones(16)
        there[6] = seed == 0
        people.append({"image": image, "center": [30.0, 20.0 + seed], "scale": 0.1 + 0.05 * seed,
                       "joints": (pixels + 1).tolist(), "joints_vis": there.tolist()})  # fmt: skip
    return people


def write_mpii(folder: Path) -> tuple[Path, Path]:
    """annot/valid.json with gt_valid.mat, and the pictures."""
    people, images = mpii_people(), folder / "images"
    for name in ("a.png", "b.png"):
        own = [one for one in people if one["image"] == name]
        marked(images / name, np.array(own[0]["joints"]) - 1)
    path = folder / "annot" / "valid.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(people))
    corners = np.array([[[5.0, 5, 5], [5, 5, 5]], [[8, 11, 17], [9, 13, 21]]])  # diagonals of 5, 10 and 20
    savemat(path.parent / "gt_valid.mat", {"headboxes_src": corners, "jnt_missing": np.zeros((16, 3))})
    return path, images


def write_mpii_h5(folder: Path) -> Path:
    """valid.h5 of the same people; the joint that is not there is at 0."""
    people = mpii_people()
    there = np.array([one["joints_vis"] for one in people])
    with h5py.File(folder / "valid.h5", "w") as file:
        file["imgname"] = np.array([one["image"].encode() for one in people])
        file["center"] = np.array([one["center"] for one in people])
        file["scale"] = np.array([one["scale"] for one in people])
        file["part"] = np.array([one["joints"] for one in people]) * there[..., None]
        file["visible"] = there * (np.arange(16) != 3)
        file["normalize"] = np.array([3.0, 6, 12])
    return folder / "valid.h5"


def write_integral(folder: Path, made: list[Recording]) -> Path:
    """annot/*/matlab_meta.txt: one sequence a recording and camera."""
    for act, one in enumerate(made, start=2):
        for camera, name in enumerate(SERIALS, start=1):
            own = human36m_parameters(one.rig, name)
            sequence = f"s_{int(one.subject[1:]):02d}_act_{act:02d}_subact_01_ca_{camera:02d}"
            joints = np.array([0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27]) + 1
            rows = [[1000, 1000], own["R"].T.reshape(-1), own["T"], own["f"], own["c"], own["k"], own["p"], joints]
            rows += list(1000 * thirty_two(one.world).reshape(len(one.world), -1))
            lines = [str(len(one.world)), *("x " + " ".join(f"{v:.17g}" for v in np.ravel(row)) for row in rows)]
            path = folder / "annot" / sequence / "matlab_meta.txt"
            path.parent.mkdir(parents=True)
            path.write_text("\n".join(lines) + "\n")
    return folder


LT_ROWS = [3, 2, 1, 6, 7, 8, 0, 12, 13, 15, 27, 26, 25, 17, 18, 19, 14]  # of the 32 joints


def write_multiview(folder: Path, made: list[Recording]) -> Path:
    """Learnable triangulation's labels; the first camera did not see the first frame of the last recording."""
    subjects = sorted({one.subject for one in made})
    actions = [f"Action-{number}" for number in range(len(made))]
    camera = np.dtype([("R", "f4", (3, 3)), ("t", "f4", (3, 1)), ("K", "f4", (3, 3)), ("dist", "f4", 5)])
    cameras = np.zeros((len(subjects), 4), camera)
    row = np.dtype([("subject_idx", "i1"), ("action_idx", "i1"), ("frame_idx", "i2"), ("keypoints", "f4", (17, 3)),
                    ("bbox_by_camera_tlbr", "i2", (4, 4))])  # fmt: skip
    tables = []
    for action, one in enumerate(made):
        table = np.zeros(len(one.world), row)
        table["subject_idx"], table["action_idx"] = subjects.index(one.subject), action
        table["frame_idx"] = np.arange(len(one.world))
        table["keypoints"] = 1000 * thirty_two(one.world)[:, LT_ROWS]
        table["bbox_by_camera_tlbr"] = [10, 20, 310, 320]
        tables.append(table)
        for place, name in enumerate(SERIALS):
            own, target = one.rig[name], cameras[subjects.index(one.subject), place]
            target["R"], target["K"] = own.rotation.numpy(), own.intrinsics.numpy()
            target["t"], target["dist"] = 1000 * own.translation.numpy()[:, None], own.distortion[:5].numpy()
    tables[-1]["bbox_by_camera_tlbr"][0, 0] = 0
    content: Any = {"subject_names": subjects, "camera_names": list(SERIALS), "action_names": actions,
                    "cameras": cameras, "table": np.concatenate(tables)}  # fmt: skip
    path = folder / "human36m-multiview-labels-GTbboxes.npy"
    np.save(path, content, allow_pickle=True)
    return path


def camera_frame(one: Recording, camera: str) -> np.ndarray:
    flat = torch.from_numpy(one.world).reshape(-1, 3)
    return one.rig[camera].world_to_camera(flat).reshape(-1, 17, 3).numpy()
