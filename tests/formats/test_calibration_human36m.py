"""Calibrations of Human3.6M give the data set's own pixels."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from true_rig import GOLDEN, formats_of, off_by

from lift3d.cameras import Lens
from lift3d.errors import FileError
from lift3d.formats import read_cameras
from lift3d.geometry.rotations import quaternion_to_matrix, rotvec_to_matrix


def human36m_truth() -> dict[str, Any]:
    """Camera 54138969 as numbers, and points with the pixels of the data set's own formula."""
    given = {key: torch.from_numpy(value).double() for key, value in np.load(GOLDEN / "human36m_pixels.npz").items()}
    p1, p0 = given["p_videopose3d_order"].tolist()
    rotation = quaternion_to_matrix(given["quaternion_cam_to_world"]).T
    return {
        "k": given["k"].tolist(),
        "p": [p0, p1],
        "f": given["focal"].tolist(),
        "c": given["centre"].tolist(),
        "R": rotation,
        "centre_mm": given["camera_centre_m"] * 1000,
        "points": given["world"].reshape(-1, 3),
        "pixels": given["pixels"].reshape(-1, 2),
    }


def human36m_json(path: Path) -> Path:
    true = human36m_truth()
    (fx, fy), (cx, cy), (k1, k2, k3) = true["f"], true["c"], true["k"]
    lens = {"calibration_matrix": [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], "distortion": [k1, k2, *true["p"], k3]}
    pose = {"R": true["R"].tolist(), "t": (-true["R"] @ true["centre_mm"])[:, None].tolist()}
    other = {"R": torch.eye(3).tolist(), "t": [[0], [0], [5000]]}
    extrinsics = {"S1": {"54138969": pose}, "S11": {"54138969": other}, "S5": {"54138969": other}}
    path.write_text(json.dumps({"intrinsics": {"54138969": lens}, "extrinsics": extrinsics}))
    return path


def human36m_xml(path: Path) -> Path:
    """The camera of subject 1, with angles from R = R1(a) R2(b) R3(c); all else filled with its own position."""
    true = human36m_truth()
    r = true["R"]
    angles = [
        math.atan2(-float(r[1, 2]), float(r[2, 2])),
        math.asin(float(r[0, 2])),
        math.atan2(-float(r[0, 1]), float(r[0, 0])),
    ]
    values = [1.0] * 300
    values[:6] = [*angles, *true["centre_mm"].tolist()]
    values[6 * 11 : 6 * 11 + 6] = [0.1, 0.2, 0.3, 1000.0, 2000.0, 3000.0]  # camera 2, subject 1
    for camera in range(4):
        values[264 + 9 * camera : 273 + 9 * camera] = [*true["f"], *true["c"], *true["k"], *true["p"]]
    path.write_text(f"<metadata><other/><w0>[{' '.join(repr(value) for value in values)}]</w0></metadata>")
    return path


def human36m_h5(path: Path) -> Path:
    """Three subjects; R as the file has it, transposed, and the camera's name as codes of its characters."""
    true = human36m_truth()
    with h5py.File(path, "w") as file:
        for subject in (1, 5, 11):
            group = file.create_group(f"subject{subject}/camera1")
            group["R"] = true["R"].T.numpy() if subject == 1 else np.eye(3)
            group["T"] = true["centre_mm"].numpy()[:, None]
            for key in "fckp":
                group[key] = np.array(true[key])[:, None]
            group["Name"] = np.array([[ord(one)] for one in "54138969"], dtype="u2")
    return path


def mmpose_pickle(path: Path) -> Path:
    true = human36m_truth()
    column = {key: np.array(true[key])[:, None] for key in "fckp"}
    pose = {"R": true["R"].T.numpy(), "T": true["centre_mm"].numpy()[:, None] / 1000, "w": 1000, "h": 1002}
    other = pose | {"R": np.eye(3)}
    named = {"S1": pose, "S5": other, "S11": other}
    path.write_bytes(
        pickle.dumps({(one, "54138969"): {**column, **its, "name": "c", "id": "5"} for one, its in named.items()})
    )
    return path


@pytest.mark.parametrize(("name", "suffix", "make"), [
    ("human36m_json", ".json", human36m_json),
    ("human36m_cameras_h5", ".h5", human36m_h5),
    ("mmpose_cameras_pickle", ".pkl", mmpose_pickle),
    ("human36m_metadata_xml", ".xml", human36m_xml),
])  # fmt: skip
def test_human36m_gives_the_data_sets_own_pixels(
    name: str, suffix: str, make: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = make(tmp_path / f"cameras{suffix}")
    assert formats_of(path) == [name]
    camera = read_cameras(path, subject="S1")["54138969"]
    true = human36m_truth()
    assert int(camera.lens) == Lens.HUMAN36M
    assert camera.image_size.tolist() == [1000, 1002]
    assert float((camera.project(true["points"]) - true["pixels"]).abs().max()) < 1e-3
    swapped = replace(camera, distortion=camera.distortion[[0, 1, 3, 2, 4, 5, 6, 7]])
    assert float((swapped.project(true["points"]) - true["pixels"]).abs().max()) > 0.05
    with pytest.raises(FileError, match=r"subjects S1, S.*, S11; .*Choose one \(subject='S1', --subject S1\)"):
        read_cameras(path)
    with pytest.raises(FileError, match="no subject 'S99'"):
        read_cameras(path, subject="S99")


def test_human36m_xml_reads_the_other_cameras(tmp_path: Path) -> None:
    rig = read_cameras(human36m_xml(tmp_path / "metadata.xml"), subject="S1")
    assert rig.names == ("54138969", "55011271", "58860488", "60457274")
    assert rig.cameras.image_size[:, 1].tolist() == [1002, 1000, 1000, 1002]
    torch.testing.assert_close(rig["55011271"].centre, torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))
    turns = rotvec_to_matrix(torch.diag(torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64)))
    torch.testing.assert_close(rig["55011271"].rotation, turns[0] @ turns[1] @ turns[2])


def test_human36m_sample_of_one_subject_needs_no_choice() -> None:
    rig = read_cameras(GOLDEN / "human36m.json")
    assert bool(rig.cameras.image_size.isnan().all())
    as_opencv = replace(rig, cameras=replace(rig.cameras, lens=torch.zeros(4, dtype=torch.long)))
    assert off_by(as_opencv) < 1e-6  # the sample's numbers are OpenCV's
    assert off_by(rig) > 0.1
