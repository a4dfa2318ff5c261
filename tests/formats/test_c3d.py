"""C3D: precision, up axis, units, missing joints, people, long files, the layouts of other programs, bad files."""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import ezc3d
import numpy as np
import pytest
import torch
from pose_files import GOLDEN, TRUTH, refused, same, some_poses

from lift3d.errors import FileError, InputError
from lift3d.formats import read_poses, write_poses
from lift3d.formats._c3d_parameters import parsed, real_numbers
from lift3d.formats._dispatch import _candidates
from lift3d.formats._joint_names import marker_names
from lift3d.poses import Poses3D
from lift3d.skeletons import Skeleton, get_skeleton, skeleton_names

SAMPLE = GOLDEN / "pose2sim.c3d"


def even(poses: Poses3D, rate: float = 50.0, first: int = 0) -> Poses3D:
    """The poses with times evenly apart."""
    return replace(poses, times=(first + torch.arange(len(poses.times), dtype=torch.float64)) / rate)


def changed(path: Path, *changes: tuple[bytes, bytes]) -> Path:
    content = SAMPLE.read_bytes()
    for old, new in changes:
        assert old in content
        assert len(old) == len(new)
        content = content.replace(old, new, 1)
    path.write_bytes(content)
    return path


# --- samples and round trips


def test_sample_reads_to_its_truth() -> None:
    """Pose2Sim cuts to whole millimetres, so that is how near it comes."""
    poses = read_poses(SAMPLE)
    assert [entry.name for entry in _candidates(SAMPLE, Poses3D)] == ["c3d"]
    assert poses.skeleton == get_skeleton("human36m17")
    assert (poses.frame, poses.up) == ("world", "+y")
    assert 0.0009 < np.abs(poses.positions[:, 0].numpy() - TRUTH[..., [1, 2, 0]]).max() < 0.001
    assert poses.times.tolist() == pytest.approx([frame / 60 for frame in range(5)], abs=1e-12)


@pytest.mark.parametrize("up", ["+x", "-x", "+y", "-y", "+z", "-z"])
def test_comes_back_to_the_precision_of_float32_in_millimetres(up: str, tmp_path: Path) -> None:
    poses = even(some_poses(up=up), rate=59.94)
    write_poses(poses, tmp_path / "walk.c3d")
    read = read_poses(tmp_path / "walk.c3d")
    same(read, replace(poses, scores=(poses.scores > 0).double()), near=2.5e-7)
    millimetres = (poses.positions * 1000).float().double() / 1000
    torch.testing.assert_close(read.positions, millimetres, rtol=0, atol=1e-15, equal_nan=True)


@pytest.mark.parametrize("skeleton", skeleton_names())
def test_every_skeleton_comes_back(skeleton: str, tmp_path: Path) -> None:
    poses = even(some_poses(people=1, skeleton=skeleton))
    write_poses(poses, tmp_path / "walk.c3d")
    assert read_poses(tmp_path / "walk.c3d").skeleton == poses.skeleton


def test_another_library_reads_the_same(tmp_path: Path) -> None:
    poses = even(some_poses(people=2), rate=120.0, first=7)
    write_poses(poses, tmp_path / "walk.c3d")
    other = ezc3d.c3d(str(tmp_path / "walk.c3d"))
    points = other["data"]["points"]
    ours = poses.positions.reshape(5, 34, 3).numpy()
    assert np.array_equal(np.isnan(points[0].T), np.isnan(ours[..., 0]))
    assert np.nanmax(np.abs(points[:3].transpose(2, 1, 0) / 1000 - ours)) < 2.5e-7
    assert other["data"]["meta_points"]["residuals"][0].T.tolist() == np.where(np.isnan(ours[..., 0]), -1, 0).tolist()
    group = other["parameters"]["POINT"]
    assert group["UNITS"]["value"] == ["mm"]
    assert group["RATE"]["value"].tolist() == [120.0]
    assert group["LABELS"]["value"][:2] == ["person1_Pelvis", "person1_RHip"]
    assert (group["X_SCREEN"]["value"], group["Y_SCREEN"]["value"]) == (["+X"], ["+Z"])
    assert other["header"]["points"]["first_frame"] == 7


def test_files_of_another_library_are_read(tmp_path: Path) -> None:
    """What ezc3d writes: groups in another order, no TRIAL, missing points as NaN."""
    file = ezc3d.c3d()
    points = np.ones((4, 17, 6))
    points[:3] = np.random.default_rng(0).normal(size=(3, 17, 6)) * 1000
    points[:3, 3, 5] = np.nan
    file["parameters"]["POINT"]["RATE"]["value"] = [100.0]
    file["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
    file["parameters"]["POINT"]["LABELS"]["value"] = marker_names(get_skeleton("coco17"))
    file.add_parameter("POINT", "Y_SCREEN", ["+Y"])
    file["data"]["points"] = points
    file.write(str(tmp_path / "a.c3d"))
    poses = read_poses(tmp_path / "a.c3d")
    assert poses.skeleton.name == "coco17"
    assert poses.up == "+y"
    assert poses.times.tolist() == pytest.approx([frame / 100 for frame in range(6)])
    expected = points[:3].transpose(2, 1, 0)
    assert np.array_equal(np.isnan(poses.positions[:, 0].numpy()), np.isnan(expected))
    assert np.nanmax(np.abs(poses.positions[:, 0].numpy() * 1000 - expected)) < 2e-4


@pytest.mark.parametrize("frames", [65534, 65535, 65536, 70000])
def test_long_files(frames: int, tmp_path: Path) -> None:
    skeleton = Skeleton("two", ("pelvis", "head"), (-1, 0))
    positions = torch.arange(frames * 6, dtype=torch.float64).reshape(frames, 1, 2, 3) / 1000
    poses = Poses3D.of(positions, skeleton=skeleton, fps=200.0)
    write_poses(poses, tmp_path / "long.c3d")
    read = read_poses(tmp_path / "long.c3d", skeleton=skeleton)
    torch.testing.assert_close(read.positions, positions, rtol=1e-15, atol=0)
    torch.testing.assert_close(read.times, poses.times)
    if frames != 65535:  # of which ezc3d reads one too many
        assert ezc3d.c3d(str(tmp_path / "long.c3d"))["data"]["points"].shape[2] == frames


def test_long_files_that_do_not_say_how_long(tmp_path: Path) -> None:
    """ezc3d writes no number beyond 65535: what the file holds is taken, without what fills its last block."""
    skeleton = Skeleton("two", ("pelvis", "head"), (-1, 0))
    positions = torch.rand(70000, 1, 2, 3)
    write_poses(Poses3D.of(positions, skeleton=skeleton), tmp_path / "long.c3d")
    content = (tmp_path / "long.c3d").read_bytes()
    (tmp_path / "long.c3d").write_bytes(content.replace(b"TRIAL", b"OTHER"))
    with pytest.warns(UserWarning, match="no further than 65535 frames; took the 70000 that it holds"):
        assert len(read_poses(tmp_path / "long.c3d", skeleton=skeleton).times) == 70000


def test_more_markers_than_one_parameter_holds(tmp_path: Path) -> None:
    poses = even(some_poses(people=20))
    write_poses(poses, tmp_path / "crowd.c3d")
    read = read_poses(tmp_path / "crowd.c3d")
    same(read, replace(poses, scores=(poses.scores > 0).double()), near=5e-7)


# --- what is kept and what is not


def test_times_begin_where_they_began(tmp_path: Path) -> None:
    poses = even(some_poses(), rate=100.0, first=250)
    write_poses(poses, tmp_path / "walk.c3d")
    torch.testing.assert_close(read_poses(tmp_path / "walk.c3d").times, poses.times)


def test_uneven_times_are_warned_of(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="times are not evenly apart"):
        write_poses(some_poses(), tmp_path / "walk.c3d")


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    poses = even(some_poses())
    with pytest.raises(InputError, match="0 frames of 34 markers"):
        write_poses(poses.between(0, 0), tmp_path / "walk.c3d")
    long = Skeleton("long", ("pelvis", "a" * 121), (-1, 0))
    with pytest.raises(InputError, match="a name of 121 letters"):
        write_poses(Poses3D.of(torch.rand(2, 1, 2, 3), skeleton=long), tmp_path / "walk.c3d")
    many = Skeleton("many", tuple(f"{'a' * 100}{i}" for i in range(1300)), (-1, *[0] * 1299))
    with pytest.raises(InputError, match="C3D has 255"):
        write_poses(Poses3D.of(torch.rand(2, 1, 1300, 3), skeleton=many), tmp_path / "walk.c3d")
    assert not list(tmp_path.iterdir())


# --- what other programs write


def test_unit_and_up_are_guessed_with_a_warning_if_not_stated(tmp_path: Path) -> None:
    no_unit = changed(tmp_path / "a.c3d", (b"UNITS", b"UNIXX"))
    with pytest.warns(UserWarning, match="does not state its length unit; took 'mm'"):
        same(read_poses(no_unit), read_poses(SAMPLE))
    no_up = changed(tmp_path / "b.c3d", (b"Y_SCREEN", b"Y_SCXXXX"))
    with pytest.warns(UserWarning, match=r"does not state which axis points up; took '\+z'"):
        same(read_poses(no_up), replace(read_poses(SAMPLE), up="+z"))


def test_markers_without_a_name_and_calculated_ones_are_left_out(tmp_path: Path) -> None:
    path = changed(tmp_path / "a.c3d", (b"Head ", b"*127 "))
    poses = read_poses(path)
    assert poses.positions.isnan().any(-1).nonzero()[:, 2].unique().tolist() == [poses.skeleton.index("head")]


def test_subjects_of_vicon_are_people(tmp_path: Path) -> None:
    poses = even(some_poses(people=2, missing=False))
    write_poses(poses, tmp_path / "a.c3d")
    content = (tmp_path / "a.c3d").read_bytes()
    (tmp_path / "b.c3d").write_bytes(content.replace(b"person1_", b"Subject:").replace(b"person2_", b"Another:"))
    same(read_poses(tmp_path / "b.c3d"), read_poses(tmp_path / "a.c3d"))


def test_markers_of_no_known_skeleton_make_one_of_their_own(tmp_path: Path) -> None:
    path = changed(tmp_path / "a.c3d", (b"LWrist", b"LWRA  "))
    with pytest.warns(UserWarning, match="17 joints .* are of no known skeleton"):
        poses = read_poses(path)
    assert "LWRA" in poses.skeleton.joints
    torch.testing.assert_close(poses.positions, read_poses(SAMPLE).positions)


def other_processor(path: Path, processor: int) -> Path:
    """The first of our own files, as a MIPS or DEC machine would have written it: every number turned."""
    content = bytearray((path).read_bytes())
    blocks = content[514]

    def turned(raw: bytes, size: int) -> bytes:
        if size == 4 and processor == 85:
            return np.frombuffer(struct.pack("<f", struct.unpack("<f", raw)[0] * 4), "<u2")[::-1].tobytes()
        return raw[::-1] if processor == 86 else raw

    fields = [(2 * word, 2) for word in (1, 2, 3, 4, 5, 8, 9)] + [(12, 4), (20, 4)]
    place = 516
    while content[place]:
        begin = place + 2 + content[place]
        distance = struct.unpack_from("<H", content, begin)[0]
        fields.append((begin, 2))
        if content[place + 1] < 128:
            kind, axes = struct.unpack_from("<bB", content, begin + 2)
            shape = content[begin + 4 : begin + 4 + axes]
            if kind > 0:
                fields += [(begin + 4 + axes + kind * one, kind) for one in range(math.prod(shape))]
        place = begin + distance
    fields += [(at, 4) for at in range(512 * (1 + blocks), len(content) - 3, 4)]
    for at, size in fields:
        content[at : at + size] = turned(bytes(content[at : at + size]), size)
    content[515] = processor
    path.write_bytes(bytes(content))
    return path


@pytest.mark.parametrize("processor", [85, 86])
def test_other_processors(processor: int, tmp_path: Path) -> None:
    poses = even(some_poses(), rate=60.0, first=3)
    write_poses(poses, tmp_path / "a.c3d")
    expected = read_poses(tmp_path / "a.c3d")
    same(read_poses(other_processor(tmp_path / "a.c3d", processor)), expected)


def test_whole_numbers_are_scaled(tmp_path: Path) -> None:
    """The sample keeps whole numbers with a scale of 1; of a scale of a half all is half as large."""
    path = changed(tmp_path / "a.c3d", (struct.pack("<f", 1.0), struct.pack("<f", 0.5)))
    torch.testing.assert_close(read_poses(path).positions, read_poses(SAMPLE).positions / 2)


def test_analog_channels_are_passed_over(tmp_path: Path) -> None:
    write_poses(even(some_poses(missing=False)), tmp_path / "a.c3d")
    content = bytearray((tmp_path / "a.c3d").read_bytes())
    start = 512 * (1 + content[514])
    frames = np.frombuffer(content[start : start + 5 * 34 * 16], "<f4").reshape(5, -1)
    content[4:6] = struct.pack("<H", 6)
    more = np.concatenate([frames, np.full((5, 6), 9e9, dtype="<f4")], axis=1)
    (tmp_path / "b.c3d").write_bytes(bytes(content[:start]) + more.tobytes())
    same(read_poses(tmp_path / "b.c3d"), read_poses(tmp_path / "a.c3d"))


def test_numbers_of_dec() -> None:
    one = np.array([0x80, 0x40, 0, 0, 0x20, 0xC1, 0, 0], dtype=np.uint8)  # 1.0 and -2.5 on a VAX
    assert real_numbers(one, 85).tolist() == [1.0, -2.5]


# --- bad files


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ([(b"\x02\x50", b"\x02\x51")], "is no C3D"),
        ([(b"\x02\x50", b"\x09\x50")], "known processor"),
        ([(b"LABELS", b"LABXXX")], "holds no markers with names"),
        ([(struct.pack("<f", 1.0), struct.pack("<f", 0.0))], "its header states no markers"),
    ],
)
def test_bad_content(changes: list[tuple[bytes, bytes]], text: str, tmp_path: Path) -> None:
    assert text in refused(changed(tmp_path / "a.c3d", *changes), format="c3d")


@pytest.mark.parametrize("kept", [0, 1, 100, 511, 512, 515, 600, 1000, 2000, 2600, 3000])
def test_cut_short(kept: int, tmp_path: Path) -> None:
    (tmp_path / "a.c3d").write_bytes(SAMPLE.read_bytes()[:kept])
    text = refused(tmp_path / "a.c3d", format="c3d")
    assert any(part in text for part in ("is no C3D", "known processor", "damaged", "cut short", "states no"))


@pytest.mark.filterwarnings("ignore")
def test_random_bytes_raise_nothing_but_ours(tmp_path: Path) -> None:
    """On such files ezc3d ends the interpreter now and then."""
    content, generator = SAMPLE.read_bytes(), np.random.default_rng(0)
    refusals = 0
    for trial in range(600):
        damaged = bytearray(content)
        where = (24, 2560, 516)[trial % 3]
        for place in generator.integers(0, where, 1 + trial % 20):
            damaged[place] = generator.integers(256)
        (tmp_path / "a.c3d").write_bytes(bytes(damaged))
        try:
            read_poses(tmp_path / "a.c3d", format="c3d")
        except FileError as error:
            refusals += 1
            assert "\n" not in str(error)  # noqa: PT017
    assert refusals > 100


def test_parameters_beyond_the_end_are_refused() -> None:
    def text(content: bytes) -> str:
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            parsed(content, 84)
        return str(caught.value)

    def record(value: bytes) -> bytes:
        return b"\x01\x01A" + struct.pack("<H", 2 + len(value)) + value

    assert "name goes beyond" in text(b"\x7f\x01AB")
    assert "values go beyond" in text(record(b"\x02\x01\x09"))
    assert "type 3 with 1 axes" in text(record(b"\x03\x01\x09"))
    assert parsed(b"", 84) == {}
    values: Any = parsed(record(b"\x02\x00\x05\x00\x00"), 84)
    assert values == {"1:A": [5]}
