"""DeepLabCut and SLEAP: tables and layouts, camera names, joints of their users' own, files that want to run code."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from keypoint_files import GOLDEN, TRUTH, refused

from lift3d.errors import FileError, Lift3dError
from lift3d.formats import read_keypoints
from lift3d.formats._dispatch import _candidates
from lift3d.keypoints import Keypoints2D
from lift3d.skeletons import get_skeleton

SCORER = "DLC_resnet50_demoNov21shuffle1_1000"
MOUSE = ["snout", "leftear", "tailbase"]
TABLES = ["dlc_single.csv", "dlc_single.h5", "dlc_multi.csv", "dlc_multi.h5", "dlc_multi_fixed.h5"]
ANALYSES = ["sleap.analysis.h5", "sleap_standard.analysis.h5"]
LOOSE = pytest.mark.filterwarnings("ignore:.*are of no known skeleton")


def table(
    path: Path, rows: list[list[Any]], joints: list[str], people: tuple[str, ...] = (), first: tuple[str, ...] = ("",)
) -> Path:
    """A CSV of DeepLabCut's with x, y and likelihood of each joint."""
    coordinates = [(person, joint, name) for person in people or ("",) for joint in joints for name in
                   ("x", "y", "likelihood")]  # fmt: skip
    left = list(first[1:])
    lines = [["scorer", *left, *(SCORER for _ in coordinates)]]
    if people:
        lines.append(["individuals", *left, *(person for person, _, _ in coordinates)])
    lines.append(["bodyparts", *left, *(joint for _, joint, _ in coordinates)])
    lines.append(["coords", *left, *(name for _, _, name in coordinates)])
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(",".join(str(cell) for cell in line) for line in lines + rows)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def copied(name: str, folder: Path, new_name: str = "") -> Path:
    path = folder / (new_name or name)
    shutil.copyfile(GOLDEN / name, path)
    return path


# --- DeepLabCut


def test_missing_joints_and_frames(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", [[2, 1, 2, 0.5, "", "", 0.9], [4, 1, 2, 0, 3, "nan", 1]], ["nose", "left_eye"])
    keypoints = read_keypoints(path)
    assert len(keypoints.times) == 5
    assert keypoints.scores.nonzero().tolist() == [[0, 2, 0, 0]]
    assert keypoints.pixels[0, 2, 0, 0].tolist() == [1, 2]
    assert keypoints.scores[0, 2, 0, 0] == 0.5


def test_labels_by_hand_are_frames_of_their_pictures(tmp_path: Path) -> None:
    for left, row in (
        (("",), ["labeled-data/cam7/img003.png"]),
        (("", "", ""), ["labeled-data", "cam7", "img003.png"]),
    ):
        path = table(tmp_path / "cam7" / "CollectedData_me.csv", [[*row, 1, 2, 1]], ["nose"], first=left)
        text = path.read_text(encoding="utf-8")
        keypoints = read_keypoints(path)
        assert text.startswith("scorer,")
        assert keypoints.camera_names == ("cam7",)
        assert keypoints.scores[0, :, 0, 0].tolist() == [0, 0, 0, 1]


def test_a_table_of_pandas_with_blocks_of_two_types(tmp_path: Path) -> None:
    path = copied("dlc_single.h5", tmp_path)
    with h5py.File(path, "r+") as file:
        group = file["df_with_missing"]
        old = group["table"]
        values, index = old["values_block_0"], old["index"]
        names = pickle.loads(old.attrs["values_block_0_kind"])
        likely = [place for place, name in enumerate(names) if name[-1] == "likelihood"]
        others = [place for place in range(len(names)) if place not in likely]
        kind = np.dtype([("index", "i8"), ("values_block_0", "f4", (17,)), ("values_block_1", "f8", (34,))])
        new = np.zeros(len(index), dtype=kind)
        new["index"], new["values_block_0"], new["values_block_1"] = index, values[:, likely], values[:, others]
        del group["table"]
        group["table"] = new
        for block, places in enumerate((likely, others)):
            pickled = pickle.dumps([names[place] for place in places], protocol=0)
            group["table"].attrs[f"values_block_{block}_kind"] = np.bytes_(pickled)
    keypoints = read_keypoints(path)
    assert np.abs(keypoints.pixels[0, :, 0].numpy() - TRUTH["xy"][:, 0]).max() == 0
    assert np.abs(keypoints.scores[0, :, 0].numpy() - TRUTH["conf"][:, 0]).max() < 1e-7


def test_a_fixed_table_may_be_turned(tmp_path: Path) -> None:
    path = copied("dlc_multi_fixed.h5", tmp_path)
    with h5py.File(path, "r+") as file:
        group = file["df_with_missing"]
        values = group["block0_values"][()]
        del group["block0_values"]
        group["block0_values"] = values.T
        group["block0_values"].attrs["transposed"] = np.uint8(0)
    assert np.abs(read_keypoints(path).pixels[0].numpy() - TRUTH["xy"]).max() == 0


@pytest.mark.parametrize(
    ("name", "camera"),
    [
        (f"cam01{SCORER}.csv", "cam01"),
        (f"cam01{SCORER}_filtered.csv", "cam01"),
        (f"cam_2-{SCORER}.csv", "cam_2"),
        (f"aDLCb{SCORER}.csv", "aDLCb"),
        ("cam01DLC_resnet50_xyzshuffle1_100000.csv", "cam01"),
        ("left.csv", "left"),
        (f"{SCORER}.csv", SCORER),
    ],
)
def test_camera_is_what_stands_before_the_scorer(name: str, camera: str, tmp_path: Path) -> None:
    assert read_keypoints(copied("dlc_single.csv", tmp_path, name)).camera_names == (camera,)


@pytest.mark.parametrize(("name", "suffix"), [("dlc_multi.csv", ".csv"), ("dlc_multi.h5", ".h5")])
def test_cameras_of_a_folder_are_in_natural_order(name: str, suffix: str, tmp_path: Path) -> None:
    for camera in ("cam10", "cam2", "cam1"):
        copied(name, tmp_path, f"{camera}{SCORER}{suffix}")
    (tmp_path / f"cam1{SCORER}_meta.pickle").write_bytes(b"\x80\x04.")
    assert read_keypoints(tmp_path).camera_names == ("cam1", "cam2", "cam10")


@LOOSE
def test_individuals_keep_their_slot_and_may_have_joints_of_their_own(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", [[0, 1, 1, 1, 2, 2, 1], [1, 3, 3, 1, 4, 4, 1]], ["tip"], ("mus2", "mus1"))
    keypoints = read_keypoints(path)
    assert keypoints.pixels[0, :, :, 0, 0].tolist() == [[1, 2], [3, 4]]


def test_joints_of_no_known_skeleton_make_one_of_their_own(tmp_path: Path) -> None:
    path = table(tmp_path / "cam1.csv", [[0, 1, 2, 0.5, 3, 4, 0.6, 5, 6, 0.7]], MOUSE)
    with pytest.warns(UserWarning, match=r"3 joints \(snout, leftear, tailbase, ...\) are of no known skeleton"):
        keypoints = read_keypoints(path)
    assert keypoints.skeleton.joints == tuple(MOUSE)
    assert keypoints.skeleton.parents == (-1, 0, 0)
    assert keypoints.pixels[0, 0, 0].tolist() == [[1, 2], [3, 4], [5, 6]]
    own = tmp_path / "mouse.toml"
    own.write_text('[joints]\ntailbase = ""\nleftear = "snout"\nsnout = "tailbase"\n', encoding="utf-8")
    keypoints = read_keypoints(path, skeleton=str(own))
    assert keypoints.skeleton.name == "mouse"
    assert keypoints.pixels[0, 0, 0].tolist() == [[5, 6], [3, 4], [1, 2]]
    assert "snout, tailbase are not all of" in refused(path, skeleton="coco17")


@LOOSE
def test_cameras_with_other_joints_are_not_stacked(tmp_path: Path) -> None:
    for camera, joints in (("cam1", MOUSE), ("cam2", [*MOUSE[1:], "paw"])):
        table(tmp_path / f"{camera}.csv", [[0, *range(1, 10)]], joints)
    with pytest.raises(Lift3dError, match="different skeletons"):
        read_keypoints(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("coords", "cords", "does not begin with the lines"),
        ("bodyparts,nose", "bodyparts,left_eye", "holds a body part twice"),
        ("coords,x", "coords,z", "are not (scorer, bodypart"),
        ("\n1,", "\n0,", "a frame occurs twice"),
        ("\n1,", "\nnone,", "index 'none' holds no frame number"),
        ("\n1,", "\n1,1,", "line 5 has 52 fields; expected 51"),
        ("\n1,", "\n1,a", "line 5: could not convert"),
        ("\n1,", "\n987654321,", "more than memory holds"),
    ],
)
def test_bad_tables(old: str, new: str, text: str, tmp_path: Path) -> None:
    content = (GOLDEN / "dlc_single.csv").read_text(encoding="utf-8")
    assert old in content
    (tmp_path / "a.csv").write_text(content.replace(old, new, 1), encoding="utf-8")
    assert text in refused(tmp_path / "a.csv", format="deeplabcut_csv")


# --- HDF5 that is not to be trusted


class _Touches:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_nothing_pickled_in_an_attribute_is_run(protocol: int, tmp_path: Path) -> None:
    path, touched = copied("dlc_single.h5", tmp_path), tmp_path / "touched"
    payload = pickle.dumps([_Touches(touched)], protocol=protocol)
    with h5py.File(path, "r+") as file:
        group = file["df_with_missing"]
        for place in (group["table"].attrs, group.attrs):
            for name in ("values_block_0_kind", "info", "non_index_axes", "index_kind"):
                place[name] = np.void(payload)
        group["table"].attrs["values_block_0_kind"] = np.bytes_(payload)
    assert refused(path)
    assert not touched.exists()
    with h5py.File(path) as file:
        stored = bytes(file["df_with_missing"]["table"].attrs["values_block_0_kind"])
    if protocol == 0:
        assert "refused: it asks to run" in refused(path)
        pickle.loads(stored)  # the payload works: an unpickler would have run it
        assert touched.exists()


def h5_change(path: Path, change: Callable[[h5py.File], None]) -> Path:
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def _set(name: str, values: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        attributes = dict(file[name].attrs) if name in file else {}
        if name in file:
            del file[name]
        if values is not None:
            file[name] = values
            for key, value in attributes.items():
                file[name].attrs[key] = value

    return change


def _columns(value: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        file["df_with_missing/table"].attrs["values_block_0_kind"] = np.bytes_(value)

    return change


@pytest.mark.parametrize(
    ("name", "change", "text"),
    [
        ("dlc_single.h5", _set("df_with_missing", None), "holds no group"),
        ("dlc_single.h5", _set("df_with_missing/table", np.zeros(3)), "has no index and values"),
        ("dlc_single.h5", _columns(b"(lp0\n."), "0 named columns"),
        ("dlc_single.h5", _columns(b"junk"), "the list of its columns is damaged"),
        ("dlc_single.h5", _columns(b"(lp0\nI1\na."), "no texts"),
        ("dlc_multi_fixed.h5", _set("df_with_missing/block0_values", None), "holds no values"),
        ("dlc_multi_fixed.h5", _set("df_with_missing/block0_items_label1", np.full(102, 9)), "codes out of range"),
        ("dlc_multi_fixed.h5", _set("df_with_missing/block0_items_label1", np.zeros(5, int)), "damaged"),
        ("dlc_multi_fixed.h5", _set("df_with_missing/block0_items_level1", np.zeros(2)), "holds no text"),
        ("dlc_multi_fixed.h5", _set("df_with_missing/axis1", np.zeros(5, int)), "a frame occurs twice"),
        ("dlc_multi_fixed.h5", _set("df_with_missing/axis1", np.arange(4)), "for 4 rows and 102 named columns"),
        ("sleap.analysis.h5", _set("tracks", None), "has no data set /tracks"),
        ("sleap.analysis.h5", _set("tracks", np.zeros((2, 2, 17))), "expected numbers over track, xy, node, frame"),
        ("sleap.analysis.h5", _set("tracks", np.zeros((2, 3, 17, 5))), "do not go with 17 nodes"),
        ("sleap.analysis.h5", _set("point_scores", np.zeros((2, 17, 4))), "do not go with 17 nodes"),
        ("sleap.analysis.h5", _set("node_names", np.zeros(17)), "holds no text"),
        ("sleap.analysis.h5", _set("node_names", [b"nose"] * 17), "no known skeleton"),
        ("sleap.analysis.h5", _set("edge_inds", np.array([[0, 99]])), "no pairs of nodes"),
        ("sleap_standard.analysis.h5", lambda file: file["tracks"].attrs.update({"dims": "[1"}), "expected numbers"),
    ],
)
def test_bad_hdf5(name: str, change: Callable[[h5py.File], None], text: str, tmp_path: Path) -> None:
    path = h5_change(copied(name, tmp_path, "a.h5"), change)
    assert text in refused(path, format="sleap_h5" if "sleap" in name else "deeplabcut_h5")


@pytest.mark.parametrize("name", [*TABLES[1:], *ANALYSES])
@pytest.mark.parametrize("part", [0.0, 0.3, 0.7, 0.99])
def test_cut_short(name: str, part: float, tmp_path: Path) -> None:
    content = (GOLDEN / name).read_bytes()
    path = tmp_path / ("a" + Path(name).suffix)
    path.write_bytes(content[: int(len(content) * part)])
    form = "sleap_h5" if "sleap" in name else "deeplabcut_csv" if path.suffix == ".csv" else "deeplabcut_h5"
    assert "\n" not in refused(path, format=form)
    assert len(_candidates(path, Keypoints2D)) <= 1


@pytest.mark.parametrize("name", ["dlc_single.h5", "dlc_multi_fixed.h5", "sleap.analysis.h5"])
@LOOSE
def test_random_bytes_raise_nothing_but_ours(name: str, tmp_path: Path) -> None:
    content, generator = (GOLDEN / name).read_bytes(), np.random.default_rng(0)
    path = tmp_path / "a.h5"
    for _ in range(60):
        changed = bytearray(content)
        for place in generator.integers(0, min(len(content), 20_000), 12):
            changed[place] = generator.integers(256)
        path.write_bytes(bytes(changed))
        try:
            read_keypoints(path, format="sleap_h5" if "sleap" in name else "deeplabcut_h5")
        except FileError as error:
            assert "\n" not in str(error)  # noqa: PT017


# --- SLEAP


def analysis(path: Path, names: list[str], edges: list[tuple[int, int]], tracks: np.ndarray, **more: Any) -> Path:
    """An analysis file; ``tracks`` over track, xy, node, frame."""
    with h5py.File(path, "w") as file:
        file["tracks"], file["node_names"] = tracks, [name.encode() for name in names]
        file["edge_inds"] = np.array(edges, dtype=np.int64).reshape(-1, 2)
        for key, value in more.items():
            file[key] = value
    return path


@pytest.mark.parametrize(
    ("name", "camera"),
    [
        ("labels.v001.000_cam2.analysis.h5", "cam2"),
        ("labels.000_cam_2-b.analysis.h5", "cam_2-b"),
        ("cam3.analysis.h5", "cam3"),
        ("cam3.h5", "cam3"),
    ],
)
def test_camera_is_the_video_in_the_name(name: str, camera: str, tmp_path: Path) -> None:
    assert read_keypoints(copied("sleap.analysis.h5", tmp_path, name)).camera_names == (camera,)


def test_the_files_edges_are_the_bones_of_an_own_skeleton(tmp_path: Path) -> None:
    names = ["body", "head", "tail", "tip"]
    tracks = np.arange(8.0).reshape(1, 2, 4, 1)
    path = analysis(tmp_path / "a.h5", names, [(1, 0), (0, 2), (2, 3), (3, 0)], tracks)
    keypoints = read_keypoints(path)  # without a warning: every joint is connected
    assert keypoints.skeleton.parents == (-1, 0, 0, 0)
    assert keypoints.skeleton.links == ((2, 3),)
    assert keypoints.pixels[0, 0, 0].tolist() == [[0, 4], [1, 5], [2, 6], [3, 7]]
    path = analysis(tmp_path / "b.h5", names, [(2, 3)], tracks)
    with pytest.warns(UserWarning, match="hang on 'body'"):
        assert read_keypoints(path).skeleton.parents == (-1, 0, 0, 2)


def test_missing_joints_and_labels_by_hand(tmp_path: Path) -> None:
    tracks = np.ones((1, 2, 2, 3))
    tracks[0, :, 1, 1] = np.nan
    scores = np.array([[[0.5, np.nan, 0.25], [1.0, 1.0, np.nan]]])
    path = analysis(tmp_path / "a.h5", ["nose", "left_eye"], [], tracks, point_scores=scores)
    keypoints = read_keypoints(path)
    places = get_skeleton("coco17").indices("nose", "left_eye")
    assert keypoints.scores[0, :, 0, places].tolist() == [[0.5, 1], [1, 0], [0.25, 1]]
    path = analysis(tmp_path / "b.h5", ["nose", "left_eye"], [], tracks)
    assert read_keypoints(path).scores[0, :, 0, places].tolist() == [[1, 1], [1, 0], [1, 1]]


@pytest.mark.parametrize("axes", [("frame", "track", "node", "xy"), ("xy", "frame", "track", "node")])
def test_axes_are_those_that_the_file_states(axes: tuple[str, ...], tmp_path: Path) -> None:
    usual = ("track", "xy", "node", "frame")
    tracks = np.random.default_rng(0).uniform(size=(2, 2, 2, 2))  # whose shape tells nothing
    path = analysis(tmp_path / "a.h5", ["nose", "left_eye"], [], tracks.transpose([usual.index(axis) for axis in axes]))
    h5_change(path, lambda file: file["tracks"].attrs.update({"dims": json.dumps(axes)}))
    seen = read_keypoints(path).pixels[0][:, :, get_skeleton("coco17").indices("nose", "left_eye")]
    assert np.array_equal(seen.numpy(), tracks.transpose(3, 0, 2, 1))


def test_cameras_of_a_folder_are_named_after_their_videos(tmp_path: Path) -> None:
    for number, camera in enumerate(("cam10", "cam2")):
        copied("sleap.analysis.h5", tmp_path, f"labels.00{number}_{camera}.analysis.h5")
    assert sorted(read_keypoints(tmp_path).camera_names) == ["cam10", "cam2"]
