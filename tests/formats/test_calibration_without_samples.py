"""Calibrations of which no file was at hand, made here after their descriptions: DLT, OpenPose, Vicon, MPI-INF-3DHP."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from scipy.spatial.transform import Rotation
from true_rig import NAMES, TRUTH, damaged, formats_of, off_by, outcome, truth_rig

from lift3d.cameras import CameraRig
from lift3d.errors import FileError
from lift3d.formats import read_cameras

OPEN = {"unit": "m", "up": "+z"}
PINHOLES = truth_rig().cameras.undistorted().project(TRUTH["X"].expand(4, -1, 3))


def words(values: torch.Tensor) -> str:
    return " ".join(map(repr, values.reshape(-1).tolist()))


def dlt(path: Path) -> Path:
    rows = []
    for matrix, rotation, translation in zip(TRUTH["K"], TRUTH["R"], TRUTH["t"], strict=True):
        projection = matrix @ torch.cat([rotation, translation[:, None]], dim=1)
        rows.append((projection / projection[2, 3]).reshape(-1)[:11])
    path.write_text("\n".join(",".join(map(repr, row)) for row in torch.stack(rows, dim=1).tolist()) + "\n")
    return path


def openpose(folder: Path) -> Path:
    folder.mkdir()
    for i, name in enumerate(NAMES):
        pose = torch.cat([TRUTH["R"][i], TRUTH["t"][i][:, None]], dim=1)
        matrices = {"CameraMatrix": pose, "Intrinsics": TRUTH["K"][i], "Distortion": TRUTH["D"][i][:, None]}
        nodes = [
            f'<{tag} type_id="opencv-matrix"><rows>{len(m)}</rows><cols>{len(m[0])}</cols><dt>d</dt>'
            f"<data>\n{words(m)}</data></{tag}>"
            for tag, m in matrices.items()
        ]
        text = "\n".join(nodes)
        (folder / f"{name}.xml").write_text(f'<?xml version="1.0"?>\n<opencv_storage>\n{text}\n</opencv_storage>\n')
    return folder


def vicon(path: Path, radial: str = "0 0") -> Path:
    cameras = ['<Camera DEVICEID="7" SYSTEM="VICON" SENSOR_SIZE="10 10" PIXEL_ASPECT_RATIO="1"/>']
    for i, name in enumerate(NAMES):
        matrix, rotation = TRUTH["K"][i], TRUTH["R"][i]
        quaternion = torch.from_numpy(Rotation.from_matrix(rotation.numpy()).as_quat())
        cameras.append(
            f'<Camera DEVICEID="{name}" SYSTEM="DV" SENSOR_SIZE="1920 1080" '
            f'PIXEL_ASPECT_RATIO="{float(matrix[0, 0] / matrix[1, 1])!r}"><KeyFrames>'
            f'<KeyFrame FOCAL_LENGTH="{float(matrix[0, 0])!r}" PRINCIPAL_POINT="{words(matrix[:2, 2])}" '
            f'ORIENTATION="{words(quaternion)}" POSITION="{words(-rotation.T @ TRUTH["t"][i] * 1000)}" '
            f'VICON_RADIAL="{radial}" VICON_RADIAL2="ViconRadial2 0 0 {radial} 0"/></KeyFrames></Camera>'
        )
    path.write_text(f"<Cameras>{''.join(cameras)}</Cameras>")
    return path


def mpi_inf_3dhp(path: Path) -> Path:
    lines = ["Skeleton Camera Calibration File V1.0"]
    for i, name in enumerate(NAMES):
        matrix, pose = torch.eye(4, dtype=torch.float64), torch.eye(4, dtype=torch.float64)
        matrix[:3, :3], pose[:3, :3], pose[:3, 3] = TRUTH["K"][i], TRUTH["R"][i], TRUTH["t"][i] * 1000
        lines += [
            f"name          {name}", "  sensor        10 10", "  size          1920 1080", "  animated      0",
            f"  intrinsic     {words(matrix)} ", f"  extrinsic     {words(pose)} ", "  radial        0",
        ]  # fmt: skip
    path.write_text("\n".join(lines) + "\n")
    return path


# format: how to write it, the file's name, what is left open
MADE: dict[str, tuple[Callable[[Path], Path], str, dict[str, str]]] = {
    "dlt_text": (dlt, "dltCoefs.csv", OPEN),
    "openpose_xml": (openpose, "cameras", {"up": "+z"}),
    "vicon_xcp": (vicon, "session.xcp", {}),
    "mpi_inf_3dhp_text": (mpi_inf_3dhp, "camera.calibration", {"up": "+z"}),
}
EVERY = pytest.mark.parametrize("name", MADE)


def made(name: str, folder: Path) -> Path:
    write, file, _ = MADE[name]
    return write(folder / file)


@EVERY
def test_reads_to_the_truth(name: str, tmp_path: Path) -> None:
    path = made(name, tmp_path)
    assert formats_of(path) == [name]
    rig = read_cameras(path, **MADE[name][2])
    assert (rig.names, rig.up) == (NAMES, "+z")
    if name == "openpose_xml":  # the only one with lens distortion
        assert off_by(rig) < 1e-9
    torch.testing.assert_close(
        rig.cameras.undistorted().project(TRUTH["X"].expand(4, -1, 3)), PINHOLES, rtol=0, atol=1e-8
    )
    if name in ("vicon_xcp", "mpi_inf_3dhp_text"):
        torch.testing.assert_close(rig.cameras.image_size, TRUTH["size"].double())
    else:
        assert bool(rig.cameras.image_size.isnan().all())


@EVERY
def test_damage_anywhere_raises_nothing_but_a_file_error(name: str, tmp_path: Path) -> None:
    path = made(name, tmp_path)
    file = path / "cam_0.xml" if path.is_dir() else path
    for content in damaged(file.read_bytes()):
        file.write_bytes(content)
        outcome(path, name)
        formats_of(path)


# ---- DLT ----


@pytest.mark.parametrize("old", [",", ";", "\t", "  "])
def test_dlt_separators_and_names(old: str, tmp_path: Path) -> None:
    path = dlt(tmp_path / "c.txt")
    path.write_text(old.join(["left", "right", "top", "back"]) + "\n" + path.read_text().replace(",", old))
    assert formats_of(path) == []
    rig = read_cameras(path, format="dlt_text", **OPEN)
    assert rig.names == ("back", "left", "right", "top")
    torch.testing.assert_close(rig["left"].intrinsics, TRUTH["K"][0], rtol=0, atol=1e-8)


def test_dlt_keeps_a_skew(tmp_path: Path) -> None:
    matrix = torch.tensor([[1000.0, 3.0, 640.0], [0.0, 990.0, 360.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    projection = matrix @ torch.cat([TRUTH["R"][0], TRUTH["t"][0][:, None]], dim=1)
    path = tmp_path / "c.csv"
    path.write_text("\n".join(map(repr, (projection / projection[2, 3]).reshape(-1)[:11].tolist())))
    rig = read_cameras(path, **OPEN)
    torch.testing.assert_close(rig["cam_0"].intrinsics, matrix, rtol=0, atol=1e-8)
    torch.testing.assert_close(rig["cam_0"].translation, TRUTH["t"][0], rtol=0, atol=1e-10)


def test_dlt_mirrored_and_singular_coefficients_are_refused(tmp_path: Path) -> None:
    path = dlt(tmp_path / "c.csv")
    rows = path.read_text().splitlines()
    upward = [",".join(str(-float(word)) for word in row.split(",")) for row in rows[4:8]]
    path.write_text("\n".join([*rows[:4], *upward, *rows[8:]]))
    with pytest.raises(FileError, match="'cam_0': its pictures are mirrored: v points up"):
        read_cameras(path, **OPEN)
    path.write_text("\n".join([*rows[:4], *rows[:4], *rows[8:]]))
    with pytest.raises(FileError, match="those of no camera"):
        read_cameras(path, **OPEN)
    path.write_text("\n".join(rows[:-1]))
    with pytest.raises(FileError, match="10 rows; expected 11"):
        read_cameras(path, format="dlt_text")


# ---- the others ----


def test_openpose_without_distortion_is_a_pinhole(tmp_path: Path) -> None:
    path = openpose(tmp_path / "cameras") / "cam_0.xml"
    path.write_text(re.sub(r"<Distortion.*</Distortion>", "", path.read_text(), flags=re.DOTALL))
    rig: CameraRig = read_cameras(path, up="+z")
    assert not rig.cameras.distortion.any()
    path.write_text(path.read_text().replace("Intrinsics", "Other"))
    with pytest.raises(FileError, match="no matrix <Intrinsics>"):
        read_cameras(path, format="openpose_xml")


def test_vicon_distortion_is_left_out_aloud(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="lens distortion.*is left out: cam_0, cam_1, cam_2, cam_3"):
        read_cameras(vicon(tmp_path / "c.xcp", radial="4.5e-08 0"))
    path = tmp_path / "c.xcp"
    path.write_text(path.read_text().replace('SYSTEM="DV"', 'SYSTEM="VICON"'))
    with pytest.raises(FileError, match="no video camera"):
        read_cameras(path)


def test_mpi_inf_3dhp_distortion_and_missing_lines_are_refused(tmp_path: Path) -> None:
    path = mpi_inf_3dhp(tmp_path / "camera.calibration")
    text = path.read_text()
    path.write_text(text.replace("radial        0", "radial        1"))
    with pytest.raises(FileError, match="'cam_0' has a radial distortion"):
        read_cameras(path)
    path.write_text(text.replace("  extrinsic", "  outer"))
    with pytest.raises(FileError, match="'cam_0' has no 'extrinsic'"):
        read_cameras(path, format="mpi_inf_3dhp_text")
