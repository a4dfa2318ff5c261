"""Calibrations with a file for each camera: OpenCap's pickles, bioCV."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from true_rig import GOLDEN, NAMES, TRUTH, formats_of, off_by

from lift3d.errors import FileError
from lift3d.formats import read_cameras


def opencap_values(index: int) -> dict[str, np.ndarray]:
    """What OpenCap pickles of a true camera; the world as it is, so that z, not -y, is up."""
    return {
        "intrinsicMat": TRUTH["K"][index].numpy(),
        "distortion": TRUTH["D"][index].numpy()[None],
        "imageSize": TRUTH["size"][index].double().numpy()[::-1, None].copy(),
        "rotation": TRUTH["R"][index].numpy(),
        "translation": TRUTH["t"][index].numpy()[:, None] * 1000,
    }


def test_opencap_sample_reads_to_its_truth() -> None:
    rig = read_cameras(GOLDEN / "opencap")
    assert (rig.names, rig.up) == (NAMES, "-y")
    from_z_up = torch.tensor([[-1.0, 0, 0], [0, 0, -1], [0, -1, 0]], dtype=torch.float64)  # x_opencap = it @ x_z_up
    torch.testing.assert_close(rig.project(TRUTH["X"] @ from_z_up.T), TRUTH["px"], rtol=0, atol=1e-9)
    torch.testing.assert_close(rig.cameras.image_size, TRUTH["size"].double())


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_opencap_session_names_cameras_after_folders(protocol: int, tmp_path: Path) -> None:
    for index in range(4):
        folder = tmp_path / "Videos" / f"Cam{index}"
        folder.mkdir(parents=True)
        content = pickle.dumps(opencap_values(index), protocol=protocol)
        (folder / "cameraIntrinsicsExtrinsics.pickle").write_bytes(content)
    assert formats_of(tmp_path / "Videos") == ["opencap_pickle"]
    rig = read_cameras(tmp_path / "Videos", up="+z")
    assert rig.names == ("Cam0", "Cam1", "Cam2", "Cam3")
    assert off_by(rig) < 1e-9


def test_opencap_lens_alone_has_no_pose_and_flat_distortion_is_read(tmp_path: Path) -> None:
    values = opencap_values(0)
    values["distortion"] = values["distortion"][0]  # as Pose2Sim writes it
    path = tmp_path / "cam.pickle"
    path.write_bytes(pickle.dumps(values, protocol=4))
    torch.testing.assert_close(read_cameras(path).project(TRUTH["X"])[0], TRUTH["px"][0], rtol=0, atol=1e-9)
    path.write_bytes(pickle.dumps({key: values[key] for key in ("intrinsicMat", "distortion", "imageSize")}, 4))
    with pytest.raises(FileError, match="no camera has a pose"):
        read_cameras(path)


class RunsCode:
    """Pickles to a call that makes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("key", ["rotation", "extra"])
def test_opencap_pickles_that_run_code_are_refused(key: str, tmp_path: Path) -> None:
    mark, path = tmp_path / "ran", tmp_path / "cam.pickle"
    path.write_bytes(pickle.dumps({**opencap_values(0), key: RunsCode(mark)}))
    with pytest.raises(FileError, match="refused: it asks to run"):
        read_cameras(path)
    with pytest.raises(FileError, match="refused: it asks to run"):
        read_cameras(tmp_path)
    assert not mark.exists()


@pytest.mark.parametrize(("value", "expected"), [([1, 2], "no named values"), ({"a": {1}}, "not allowed")])
def test_opencap_pickles_of_something_else_are_refused(value: Any, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "cam.pickle"
    path.write_bytes(pickle.dumps(value))
    with pytest.raises(FileError, match=expected):
        read_cameras(path, format="opencap_pickle")


def test_biocv_last_line_needs_its_end(tmp_path: Path) -> None:
    path = tmp_path / "cam.calib"
    path.write_text((GOLDEN / "biocv" / "cam_0.calib").read_text().rstrip("\n")[:-1])
    with pytest.raises(FileError, match=r"10 lines; expected 10, each with its end.*Is it cut short"):
        read_cameras(path)


def test_files_in_a_folder_that_are_no_cameras_are_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "rig"
    shutil.copytree(GOLDEN / "biocv", folder)
    (folder / "notes.calib").write_text("none")
    assert read_cameras(folder).names == NAMES
    shutil.copytree(GOLDEN / "xrprimer", folder, dirs_exist_ok=True)
    (folder / "other.json").write_text("{}")
    assert read_cameras(folder, format="xrprimer_json", up="+z").names == NAMES
    with pytest.raises(FileError, match="candidates: biocv_text, xrprimer_json"):
        read_cameras(folder)
    with pytest.raises(FileError, match=r"holds no file of a camera \(\*\.pickle"):
        read_cameras(folder, format="opencap_pickle")
