"""Every sample of a calibration reads to its truth, is told from all other formats, and is refused when damaged."""

from __future__ import annotations

import re
import shutil
import warnings
from pathlib import Path

import pytest
import torch
from true_rig import GOLDEN, NAMES, TRUTH, damaged, edited, formats_of, off_by, outcome

from lift3d.cameras import CameraRig, Lens
from lift3d.errors import FileError
from lift3d.formats import read_cameras
from lift3d.formats._dispatch import _candidates

OPEN = {"unit": "m", "up": "+z"}

# path, format, what the format leaves open and the caller states, largest reprojection difference in pixels
SAMPLES = [
    ("anipose.toml", "anipose_toml", OPEN, 1e-6),
    ("aniposelib_pytorch.toml", "anipose_toml", OPEN, 1e-6),
    ("caliscope_aniposelib.toml", "anipose_toml", OPEN, 1e-6),
    ("caliscope.toml", "caliscope_toml", {"up": "+z"}, 1e-6),
    ("pose2sim.toml", "pose2sim_toml", {}, 1e-6),
    ("opencv_folder", "opencv_yaml", OPEN, 1e-6),
    ("easymocap", "easymocap_yaml", {}, 1e-3),
    ("easymocap/intri.yml", "easymocap_yaml", {}, 1e-3),
    ("easymocap/extri.yml", "easymocap_yaml", {}, 1e-3),
    ("aniposelib_rig.json", "aniposelib_rig_json", OPEN, 1e-9),
    ("tracktail.yaml", "tracktail_yaml", OPEN, 1e-9),
    ("matlab.json", "matlab_json", OPEN, 1e-9),
    ("pymvg.json", "pymvg_json", OPEN, 1e-9),
    ("xrprimer", "xrprimer_json", {"up": "+z"}, 1e-9),
    ("biocv", "biocv_text", {}, 1e-9),
    ("panoptic.json", "panoptic_json", {"up": "+z"}, 1e-9),
    ("colmap_text", "colmap_text", OPEN, 1e-9),
    ("colmap_binary", "colmap_binary", OPEN, 1e-9),
]

OTHER_NAMES = {"panoptic.json": ("00_00", "00_01", "00_02", "00_03")}
# other files, and single files of folders
OTHERS = [
    ("opencv_stereo.yml", "opencv_yaml"),
    ("opencv_folder/cam_0.yaml", "opencv_yaml"),
    ("qualisys_scaled.qca.txt", "qualisys_text"),
    ("human36m.json", "human36m_json"),
    ("opencap", "opencap_pickle"),
    ("xrprimer/cam_0.json", "xrprimer_json"),
    ("biocv/cam_0.calib", "biocv_text"),
    ("opencap/cam_0.pickle", "opencap_pickle"),
]


@pytest.mark.parametrize(("path", "name", "stated", "pixels"), SAMPLES)
def test_sample_reads_to_its_truth(path: str, name: str, stated: dict[str, str], pixels: float) -> None:
    rig = read_cameras(GOLDEN / path, **stated)
    assert rig.names == OTHER_NAMES.get(path, NAMES)
    assert rig.up == "+z"
    assert off_by(rig) < pixels
    torch.testing.assert_close(rig.cameras.image_size, TRUTH["size"].double())
    assert rig.cameras.lens.tolist() == [Lens.BROWN_CONRADY] * 4


@pytest.mark.parametrize(("path", "name"), [sample[:2] for sample in SAMPLES] + OTHERS)
def test_sample_is_recognised_as_one_format(path: str, name: str) -> None:
    assert formats_of(GOLDEN / path) == [name]


def test_twelve_files_come_in_natural_order(tmp_path: Path) -> None:
    for i in range(12):
        edited("opencv_folder/cam_0.yaml", tmp_path / f"file{11 - i}.yaml", ('"cam_0"', f'"view{i}"'))
    assert read_cameras(tmp_path, **OPEN).names == tuple(f"view{i}" for i in range(12))


def test_subject_is_refused_by_formats_of_one_rig() -> None:
    with pytest.raises(FileError, match="Leave out subject"):
        read_cameras(GOLDEN / "caliscope.toml", subject="S1")


# ---- bad files ----

SOURCES = {
    "anipose_toml": "anipose.toml",
    "pose2sim_toml": "pose2sim.toml",
    "caliscope_toml": "caliscope.toml",
    "opencv_yaml": "opencv_folder/cam_0.yaml",
    "qualisys_text": "qualisys_scaled.qca.txt",
    "human36m_json": "human36m.json",
    "aniposelib_rig_json": "aniposelib_rig.json",
    "tracktail_yaml": "tracktail.yaml",
    "matlab_json": "matlab.json",
    "pymvg_json": "pymvg.json",
    "xrprimer_json": "xrprimer/cam_0.json",
    "biocv_text": "biocv/cam_0.calib",
    "opencap_pickle": "opencap/cam_0.pickle",
    "panoptic_json": "panoptic.json",
}


def refused(path: Path, name: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(FileError) as caught:
            read_cameras(path, format=name, **OPEN)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def copies(path: Path, folder: Path) -> tuple[Path, list[Path]]:
    """A copy of a sample, and its files."""
    copy = folder / path.name
    if path.is_dir():
        shutil.copytree(path, copy)
        return copy, sorted(copy.iterdir())
    shutil.copy(path, copy)
    return copy, [copy]


@pytest.mark.parametrize(("path", "name"), [sample[:2] for sample in SAMPLES if "/" not in sample[0]] + OTHERS)
def test_damage_anywhere_raises_nothing_but_a_file_error(path: str, name: str, tmp_path: Path) -> None:
    copy, files = copies(GOLDEN / path, tmp_path)
    for file in files:
        content = file.read_bytes()
        for changed in damaged(content):
            file.write_bytes(changed)
            outcome(copy, name)
            formats_of(copy)
        file.write_bytes(content)
    assert outcome(copy, name)


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("part", [0.2, 0.4, 0.6, 0.8])
def test_a_file_cut_short_is_refused_or_has_fewer_cameras(name: str, part: float, tmp_path: Path) -> None:
    whole = outcome(GOLDEN / SOURCES[name], name)
    content = (GOLDEN / SOURCES[name]).read_bytes()
    path = tmp_path / Path(SOURCES[name]).name
    path.write_bytes(content[: int(len(content) * part)])
    if outcome(path, name) == whole:
        pytest.fail("all cameras were read from a part of the file")


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("anipose_toml", "matrix = [ [ 1477.8941071785507", "matrix = [ [ nan", r"\[cam_0\] matrix holds NaN"),
        ("anipose_toml", "matrix = [ [ 1477.8941071785507", "matrix = [ [ -1477.0", "'cam_0'.*focal length"),
        ("anipose_toml", "[ 0.0, 0.0, 1.0,],]", "[ 0.0, 1.0,],]", "matrix is not made of numbers"),
        ("anipose_toml", "[ 0.0, 0.0, 1.0,],]", "]", r"2 x 3 numbers; expected 3 x 3"),
        ("anipose_toml", "translation = [", "translation = [ 7.0,", "4 numbers; expected 3"),
        ("anipose_toml", "rotation = [", "rotation = [ 7.0,", "expected 3 "),
        ("anipose_toml", "size = [ 1920,", "size = [ 0,", "positive width"),
        ("anipose_toml", "distortions", "dist", r"\[cam_0\] has no 'distortions'"),
        ("anipose_toml", 'name = "cam_1"', 'name = "cam_0"', "names repeat"),
        ("pose2sim_toml", "distortions = [", 'distortions = [ "a",', "not made of numbers"),
        ("caliscope_toml", "matrix", "mtx", r"\[cameras.0\] has no 'matrix'"),
        ("opencv_yaml", "cols: 5", "cols: 6", "5 data; expected rows x cols = 1 x 6"),
        ("opencv_yaml", "T:", "U:", "only one of rotation and translation"),
        ("opencv_yaml", "0.2050094671957715", ".Nan #", "YAML|numbers"),
        ("opencv_yaml", "camera_matrix", "matrix", "'camera_matrix' or 'K'"),
        ("qualisys_text", 'r11="', 'q11="', "<transform> has no r11"),
        ("qualisys_text", 'x="', 'x="a', "not made of numbers"),
        ("qualisys_text", "<intrinsic ", "<unknown ", "has no <intrinsic>"),
        ("human36m_json", '"R"', '"Q"', "has no 'R'"),
        ("human36m_json", '"distortion"', '"d"', "has no 'distortion'"),
        ("human36m_json", "914.5098865046896", "NaN", "camera 'cam_0' t holds NaN"),
        ("human36m_json", "0.205009467195772", "2.0", "camera 'cam_0'.*not a rotation"),
    ],
)
def test_bad_numbers_are_refused_with_their_place(name: str, old: str, new: str, expected: str, tmp_path: Path) -> None:
    path = edited(SOURCES[name], tmp_path / Path(SOURCES[name]).name, (old, new))
    text = refused(path, name)
    assert re.search(expected, text), text
    assert text.startswith(str(path))


def test_nesting_and_numbers_without_end_are_refused(tmp_path: Path) -> None:
    deep, long = "[" * 100_000, "9" * 10_000
    for name, suffix in (("anipose_toml", ".toml"), ("opencv_yaml", ".yaml"), ("human36m_json", ".json")):
        path = tmp_path / f"bad{suffix}"
        for text in (f"a = {deep}", f"a = {long}", f"a: {long}", f'{{"a": {long}}}', deep[:5000]):
            path.write_text(text)
            refused(path, name)
            assert _candidates(path, CameraRig) == []


def test_yaml_runs_no_code(tmp_path: Path) -> None:
    path = edited(
        "opencv_folder/cam_0.yaml", tmp_path / "c.yaml", ('"plumb_bob"', "!!python/object/apply:os.getcwd []")
    )
    assert "not valid YAML" in refused(path, "opencv_yaml")


def test_one_copy_of_a_camera_twice_is_refused(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        shutil.copy(GOLDEN / "opencv_folder" / "cam_0.yaml", tmp_path / name)
    assert "names repeat" in refused(tmp_path, "opencv_yaml")
