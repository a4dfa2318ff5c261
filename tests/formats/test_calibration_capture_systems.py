"""Calibrations of capture systems in XML: Qualisys."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from true_rig import GOLDEN, NAMES, TRUTH, formats_of, off_by

from lift3d.errors import FileError
from lift3d.formats import read_cameras


def qualisys_file(path: Path, model: str = "Miqus Video", view: str = "0") -> Path:
    """The true rig as Qualisys Track Manager writes it, distortion as it is; a marker camera beside it."""
    rows = [_qualisys_camera(i, name, model, view) for i, name in enumerate(NAMES)]
    rows.append(_qualisys_camera(0, "marker", "Oqus 700", view))
    path.write_text(f'<calibration qtm-version="2023.1"><cameras>{"".join(rows)}</cameras></calibration>')
    return path


def _qualisys_camera(i: int, name: str, model: str, view: str) -> str:
    left, top = 10, 20
    turned = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)) @ TRUTH["R"][i]
    x, y, z = (-(TRUTH["R"][i].T @ TRUTH["t"][i]) * 1000).tolist()
    matrix = " ".join(f'r{a + 1}{b + 1}="{float(turned[a, b])!r}"' for a in range(3) for b in range(3))
    k = TRUTH["K"][i]
    k1, k2, p1, p2, _ = TRUTH["D"][i].tolist()
    return (
        f'<camera model="{model}" serial="{name}" viewrotation="{view}">'
        f'<fov_video left="{left}" top="{top}" right="{left + 1919}" bottom="{top + 1079}"/>'
        f'<transform x="{x!r}" y="{y!r}" z="{z!r}" {matrix}/>'
        f'<intrinsic focalLengthU="{float(k[0, 0]) * 64!r}" focalLengthV="{float(k[1, 1]) * 64!r}" '
        f'centerPointU="{(float(k[0, 2]) + left) * 64!r}" centerPointV="{(float(k[1, 2]) + top) * 64!r}" '
        f'radialDistortion1="{k1!r}" radialDistortion2="{k2!r}" radialDistortion3="0" '
        f'tangentalDistortion1="{p1!r}" tangentalDistortion2="{p2!r}"/></camera>'
    )


@pytest.mark.parametrize("model", ["Miqus Video", "Miqus Hybrid", "none"])
@pytest.mark.parametrize("suffix", [".qca.txt", ".xml"])
def test_qualisys_reads_distortion_as_it_stands(model: str, suffix: str, tmp_path: Path) -> None:
    path = qualisys_file(tmp_path / f"Calib{suffix}", model)
    assert formats_of(path) == ["qualisys_text"]
    rig = read_cameras(path)
    assert rig.names == NAMES
    assert off_by(rig) < 1e-6
    torch.testing.assert_close(rig.cameras.image_size, TRUTH["size"].double())


def test_qualisys_impossible_distortion_is_divided_by_64_aloud() -> None:
    with pytest.warns(UserWarning, match="divided it by 64"):
        rig = read_cameras(GOLDEN / "qualisys_scaled.qca.txt")
    assert off_by(rig) < 1e-6


def test_qualisys_warns_of_turned_pictures(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="turned by 90 degrees"):
        read_cameras(qualisys_file(tmp_path / "c.xml", view="90"))


def test_qualisys_without_video_cameras_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no video camera"):
        read_cameras(qualisys_file(tmp_path / "c.xml", model="Oqus 300"))


@pytest.mark.parametrize("head", ["<!DOCTYPE calibration>", '<!DOCTYPE x [<!ENTITY a "aaaa">]>'])
def test_xml_that_declares_a_document_type_is_refused(head: str, tmp_path: Path) -> None:
    path = qualisys_file(tmp_path / "c.xml")
    path.write_text(head + path.read_text())
    with pytest.raises(FileError, match="document type"):
        read_cameras(path)
    path.write_bytes(path.read_text().encode("utf-16"))
    with pytest.raises(FileError, match="UTF-8"):
        read_cameras(path, format="qualisys_text")
