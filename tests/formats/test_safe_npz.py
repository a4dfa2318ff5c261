"""Object arrays are read without running anything: what VideoPose3D writes comes back, planted pickles do not run."""

from __future__ import annotations

import codecs
import io
import os
import pickle
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planted_calls import Calls

from lift3d.errors import FileError
from lift3d.formats import all_formats, read_keypoints
from lift3d.formats._safe_npz import member_names, read_numbers, read_objects

HEADER = {"descr": "|O", "fortran_order": False, "shape": ()}


def planted(path: Path, pickled: bytes, name: str = "positions_2d") -> Path:
    """An archive with one object array whose pickle is given."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, HEADER)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.npy", file.getvalue() + pickled)
    return path


ATTACKS: dict[str, Callable[[str], Any]] = {
    "os.system": lambda mark: Calls(os.system, f"touch {mark}"),
    "eval": lambda mark: Calls(eval, f"open({mark!r}, 'w')"),
    "exec": lambda mark: Calls(exec, f"open({mark!r}, 'w')"),
    "open": lambda mark: Calls(open, mark, "w"),
    "getattr": lambda _: Calls(getattr, "", "format"),
    "__import__": lambda _: Calls(__import__, "os"),
    "subprocess": lambda mark: Calls(subprocess.call, ["touch", mark]),
    "numpy.load": lambda mark: Calls(np.load, mark, None, True),
    "codecs.decode": lambda _: Calls(codecs.decode, b"x", "zlib"),
    "object": lambda _: Calls(object),
    "path": lambda mark: Path(mark),
}


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("attack", ATTACKS)
def test_planted_calls_are_refused(attack: str, protocol: int, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    nested = {"S1": {"Walking": [ATTACKS[attack](str(mark))]}}
    path = planted(tmp_path / "planted.npz", pickle.dumps(nested, protocol=protocol))
    for read in (read_objects, lambda path: read_keypoints(path, format="videopose3d_npz"), read_keypoints):
        with pytest.raises(FileError, match="refused: it asks to run"):
            read(path)
    assert not mark.exists()


@pytest.mark.parametrize("attack", ATTACKS)
def test_planted_calls_in_a_real_array_are_refused(attack: str, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    array = np.array({"S1": {"Walking": ATTACKS[attack](str(mark))}}, dtype=object)
    np.savez(tmp_path / "planted.npz", positions_2d=array)
    with pytest.raises(FileError, match="refused"):
        read_objects(tmp_path / "planted.npz")
    assert not mark.exists()


OPCODES = {
    "calls the array class": b"cnumpy\nndarray\n(I3\ntR.",
    "makes an array class anew": b"\x80\x02cnumpy\nndarray\n)\x81.",
    "sets what the array class is": b"cnumpy\nndarray\n}S'x'\nI1\nsb.",
    "sets an attribute of a part": b"cnumpy.core.multiarray\nscalar\nN}S'__init__'\nNs\x86b.",
    "an array without a state": b"cnumpy.core.multiarray\n_reconstruct\n(tR.",
    "a state of nonsense": b"cnumpy.core.multiarray\n_reconstruct\n(tRI5\nb.",
    "a structured element type": b"cnumpy\ndtype\n(S'V8'\ntR(I3\nS'|'\nN(S'a'\nt}I8\nI1\nI0\ntb.",
    "bytes in another encoding": b"c_codecs\nencode\n(S'x'\nS'zlib'\ntR.",
    "a reference out of the file": b"Psomething\n.",
    "an extension number": b"\x80\x02\x82\x01.",
    "a list that holds itself": b"]q\x00h\x00a.",
    "a name with dots": b"\x80\x04\x8c\x05numpy\x8c\x0fndarray.__new__\x93.",
    "a buffer in an order of its own": b"cnumpy.core.numeric\n_frombuffer\n(c_codecs\nencode\n(V\ntRNI0\nS'A'\ntR.",
    "a buffer without an element type": b"cnumpy.core.numeric\n_frombuffer\n(c_codecs\nencode\n(V\ntRNI0\nS'C'\ntR.",
    "nothing": b"",
    "cut short": pickle.dumps({"S1": [1.0] * 50})[:40],
    "a value of another kind": pickle.dumps({1, 2}),
}


@pytest.mark.parametrize("case", OPCODES)
def test_pickles_that_bend_the_parts_are_refused(case: str, tmp_path: Path) -> None:
    path = planted(tmp_path / "planted.npz", OPCODES[case])
    with pytest.raises(FileError) as caught:
        read_objects(path)
    assert "\n" not in str(caught.value)
    assert read_objects(_archive(tmp_path / "good.npz"))["a"].item()["x"][0].shape == (2, 3)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("protocol", range(6))
def test_records_of_plain_numbers_come_back(order: str, protocol: int, tmp_path: Path) -> None:
    kind = np.dtype([("frame", "i2"), ("joints", "f4", (17, 3)), ("name", "U3")], align=True)
    records = np.zeros(5, kind)
    records["frame"], records["joints"], records["name"] = range(5), np.arange(255).reshape(5, 17, 3), "xyz"
    path = planted(tmp_path / "a.npz", pickle.dumps([records.astype(kind.newbyteorder(order))], protocol=protocol))
    (found,) = read_objects(path)["positions_2d"]
    assert all((found[name] == records[name]).all() for name in kind.names)


@pytest.mark.parametrize(
    "kind",
    [[("a", "O")], [("a", [("b", "O")])], [("a", "O", (2,))], [("a", [("b", [("c", "f4")])])],
     [(f"f{number}", "i1") for number in range(300)]],
)  # fmt: skip
def test_other_records_are_refused(kind: list[Any], tmp_path: Path) -> None:
    pickled = pickle.dumps([np.zeros(2, np.dtype(kind))])
    with pytest.raises(FileError, match="damaged or holds what is not allowed"):
        read_objects(planted(tmp_path / "a.npz", pickled))


def test_an_object_in_place_of_numbers_is_refused(tmp_path: Path) -> None:
    state = (1, (1,), np.dtype("O"), False, b"\x01\x02\x03\x04\x05\x06\x07\x08")  # a pointer, if it were believed
    pickled = pickle.dumps(Calls(np._core.multiarray._reconstruct, np.ndarray, (0,), b"b"), protocol=2)
    stateful = pickled[:-1] + pickle.dumps(state, protocol=2)[2:-1] + b"b."
    with pytest.raises(FileError, match="damaged or holds what is not allowed"):
        read_objects(planted(tmp_path / "planted.npz", stateful))
    scalar = pickle.dumps(Calls(np._core.multiarray.scalar, np.dtype("O"), b"\x01" * 8), protocol=2)
    with pytest.raises(FileError, match="damaged or holds what is not allowed"):
        read_objects(planted(tmp_path / "planted.npz", scalar))


def test_a_small_pickle_does_not_unfold(tmp_path: Path) -> None:
    value: list[Any] = [0.0]
    for _ in range(60):
        value = [value, value]  # 2**60 numbers if every path were walked
    path = planted(tmp_path / "deep.npz", pickle.dumps({"S1": value}))
    assert len(read_objects(path)["positions_2d"]) == 1


def _archive(path: Path) -> Path:
    value = {"x": [np.arange(6.0, dtype=np.float32).reshape(2, 3)]}
    np.savez(path, a=np.array(value, dtype=object))
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_values_come_back(protocol: int, tmp_path: Path) -> None:
    value = {
        "numbers": np.arange(6.0, dtype=np.float32).reshape(2, 3),
        "turned": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "big": np.arange(3, dtype=">f8"),
        "none": np.zeros((0, 17, 2)),
        "names": np.array(["left", "right"]),
        "flags": np.array([True, False]),
        "one": np.float64(0.5),
        "whole": np.int64(-3),
        "ragged": np.array([np.zeros(2), None, [1, "x"]], dtype=object),
        "plain": ["a", 1, 2.5, None, True, (1, 2), b"\xff"],
    }
    path = planted(tmp_path / "values.npz", pickle.dumps(value, protocol=protocol))
    read = read_objects(path)["positions_2d"]
    for name in ("numbers", "turned", "big", "none", "names", "flags"):
        assert np.array_equal(read[name], value[name])
        assert read[name].dtype.kind == value[name].dtype.kind
        assert read[name].flags.writeable
    assert read["one"] == 0.5
    assert read["whole"] == -3
    assert read["plain"] == value["plain"]
    assert read["ragged"][1:].tolist() == [None, [1, "x"]]
    assert np.array_equal(read["ragged"][0], np.zeros(2))


def test_a_buffer_smaller_or_larger_than_its_array_is_refused(tmp_path: Path) -> None:
    content = pickle.dumps({"a": np.arange(6.0)}, protocol=5)
    for shape, expected in ((b"K\x05\x85", "damaged"), (b"K\x07\x85", "damaged"), (b"K\x06\x85", "")):
        assert content.count(b"K\x06\x85") == 1
        path = planted(tmp_path / "a.npz", content.replace(b"K\x06\x85", shape))
        assert expected in outcome(read_objects, path)


def test_numpy_reads_the_same(tmp_path: Path) -> None:
    arrays = {"positions_2d": np.array({"S1": {"A": [np.random.default_rng(0).normal(size=(4, 17, 2))]}}, dtype=object)}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    ours = read_objects(tmp_path / "a.npz")["positions_2d"].item()
    theirs = np.load(tmp_path / "a.npz", allow_pickle=True)["positions_2d"].item()
    assert np.array_equal(ours["S1"]["A"][0], theirs["S1"]["A"][0])


def test_numbers_alone_never_unpickle(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="holds Python objects; expected numbers"):
        read_numbers(_archive(tmp_path / "a.npz"))


def test_numbers_come_back(tmp_path: Path) -> None:
    arrays = {
        "a": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
        "turned": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big": np.arange(5, dtype=">i4"),
        "empty": np.zeros((0, 2)),
        "name": np.array("coco17"),
        "names": np.array(["a", "bcd"]),
    }
    np.savez(tmp_path / "a.npz", **arrays)
    read = read_numbers(tmp_path / "a.npz")
    assert member_names(tmp_path / "a.npz") == set(arrays)
    for name, array in arrays.items():
        assert np.array_equal(read[name], array)
        assert read[name].shape == array.shape
        assert read[name].dtype == array.dtype.newbyteorder("=")


def test_a_header_that_asks_for_more_than_there_is_is_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as archive:
        archive.writestr("a.npy", file.getvalue() + bytes(80))
    with pytest.raises(FileError, match="is cut short"):
        read_numbers(tmp_path / "huge.npz")


@pytest.mark.parametrize("kept", [0, 1, 30, 100, -1])
@pytest.mark.parametrize("read", [read_numbers, read_objects])
def test_archives_cut_short_are_refused(read: Callable[[Path], Any], kept: int, tmp_path: Path) -> None:
    np.savez(tmp_path / "whole.npz", a=np.arange(100.0))
    content = (tmp_path / "whole.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[:kept])
    with pytest.raises(FileError) as caught:
        read(tmp_path / "cut.npz")
    assert "\n" not in str(caught.value)
    assert member_names(tmp_path / "cut.npz") == set()


def outcome(read: Callable[[Path], Any], path: Path) -> str:
    """The text of the refusal, if it is refused; any other exception ends the test."""
    try:
        read(path)
    except FileError as error:
        return str(error)
    return ""


def test_bytes_changed_anywhere_raise_nothing_but_a_file_error(tmp_path: Path) -> None:
    content = bytearray(_archive(tmp_path / "whole.npz").read_bytes())
    path = tmp_path / "changed.npz"
    generator = np.random.default_rng(0)
    for _ in range(300):
        changed = content.copy()
        for place in generator.integers(0, len(content), 3):
            changed[place] = generator.integers(0, 256)
        path.write_bytes(changed)
        for read in (read_objects, read_numbers):
            assert "\n" not in outcome(read, path)


def test_pickle_bytes_changed_anywhere_raise_nothing_but_a_file_error(tmp_path: Path) -> None:
    content = bytearray(pickle.dumps({"S1": {"A": [np.arange(12.0).reshape(2, 3, 2)]}}, protocol=4))
    generator = np.random.default_rng(1)
    for _ in range(400):
        changed = content.copy()
        changed[generator.integers(0, len(content))] = generator.integers(0, 256)
        path = planted(tmp_path / "changed.npz", bytes(changed))
        assert "\n" not in outcome(read_objects, path)
        assert "\n" not in outcome(lambda path: read_keypoints(path, format="videopose3d_npz"), path)


def test_recognising_opens_no_pickle(tmp_path: Path) -> None:
    path = planted(tmp_path / "planted.npz", b"not even a pickle")
    recognises = all_formats()["videopose3d_npz"].recognises
    assert recognises is not None
    assert recognises(path)
