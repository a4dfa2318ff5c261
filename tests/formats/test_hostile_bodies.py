"""Body models from files that mean harm or are damaged: each is refused with one line, and nothing in them is run."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planted_calls import Calls
from smpl_files import pickled, smpl_arrays, write_npz

from lift3d.errors import FileError
from lift3d.formats import read_body
from lift3d.formats.smpl_pickle import _NAMES


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


ATTACKS: dict[str, Callable[[str], Any]] = {
    "os.system": lambda mark: Calls(os.system, f"touch {mark}"),
    "eval": lambda mark: Calls(eval, f"open({mark!r}, 'w')"),
    "exec": lambda mark: Calls(exec, f"open({mark!r}, 'w')"),
    "getattr of an import": lambda _: Calls(getattr, Calls(__import__, "os"), "system"),
    "a function that is not called": lambda _: builtins.print,
    "numpy.load": lambda _: Calls(np.load, "a.npy", None, True),
}


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("place", ["v_template", "beside", "inside"])
def test_planted_calls_are_refused(attack: str, protocol: int, place: str, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    arrays: dict[str, Any] = dict(smpl_arrays())
    planted = ATTACKS[attack](str(mark))
    if place == "inside":
        arrays["v_template"] = np.array([planted, 1.0], dtype=object)
    else:
        arrays[place] = planted
    path = written(tmp_path / "SMPL_MALE.pkl", pickle.dumps(arrays, protocol=protocol))
    for format_name in (None, "smpl_pickle"):
        with pytest.raises(FileError, match="refused: it asks to run") as caught:
            read_body(path, format=format_name)
        assert "\n" not in str(caught.value)
    assert not mark.exists()


def bare(value: Any) -> bytes:
    """A pickle's part that makes a value."""
    return pickle.dumps(value, protocol=2)[2:-1]


def made(name: bytes, **content: Any) -> bytes:
    """An object of an allowed name, with content: values, or parts of a pickle."""
    empty = b"ccopy_reg\n_reconstructor\n(c" + name + b"\nc__builtin__\nobject\nNtR"
    state = b"".join(bare(key) + (one if isinstance(one, bytes) else bare(one)) for key, one in content.items())
    return empty + b"}(" + state + b"ub"


def sparse(shape: tuple[int, int], data: list[float], indices: list[int], starts: list[int]) -> bytes:
    arrays = {"data": np.array(data), "indices": np.array(indices, dtype=int), "indptr": np.array(starts, dtype=int)}
    return made(b"scipy.sparse.csc\ncsc_matrix", shape=shape, **arrays)


def lists_of_lists() -> bytes:
    """A few hundred bytes that stand for 10**14 numbers."""
    value = [7.0] * 100
    for _ in range(6):
        value = [value] * 100
    return bare(value)


def selections_of_selections(count: int = 40) -> bytes:
    """Selections whose elements are chosen by others, each twice: 2**count of them when followed one by one."""
    selected, numbers = b"chumpy.reordering\nSelect", bare(np.zeros(1, dtype=int))
    content = numbers + b"p100\n0"
    for place in range(101, 101 + count):
        before = b"g%d\n" % (place - 1)
        content += made(selected, a=made(selected, a=numbers, idxs=before), idxs=before) + b"p%d\n0" % place
    return content + b"g%d\n" % (100 + count)


CHUMPY = b"cchumpy.ch\nCh\n"
MADE = b"ccopy_reg\n_reconstructor\n(" + CHUMPY + b"c__builtin__\nobject\nNtR"  # an empty array of chumpy
HOSTILE = {  # pickles of a dict whose v_template is this, or whole pickles
    "a name of names": b"cchumpy.ch\nCh.__init__.__globals__\n",
    "a neighbour of an allowed name": b"cchumpy.ch\nCh2\n",
    "another module's name": b"cos\nCh\n",
    "the system by its old name": b"cposix\nsystem\n(S'true'\ntR",
    "the system, attribute by attribute": b"c__builtin__\ngetattr\n(" + CHUMPY + b"S'__init__'\ntR",
    "a call of the array itself": CHUMPY + b"(S'true'\ntR",
    "an object of another class": b"ccopy_reg\n_reconstructor\n(cnumpy\nndarray\nc__builtin__\nobject\nNtR",
    "an object of a function": b"ccopy_reg\n_reconstructor\n(ccopy_reg\n_reconstructor\nc__builtin__\nobject\nNtR",
    "a class with a state": CHUMPY + b"}S'__init__'\nI1\nsb",
    "an array without content": MADE,
    "content that is no dict": MADE + b"(I1\nI2\ntb",
    "an array that is itself": MADE + b"p200\n}S'x'\ng200\nsb",
    "a state for what makes objects": b"ccopy_reg\n_reconstructor\n(N}S'__doc__'\nS'bent'\nstb",
    "lists that unfold": lists_of_lists(),
    "lists that unfold in an array of chumpy": made(b"chumpy.ch\nCh", x=lists_of_lists()),
    "selections that unfold": selections_of_selections(),
    "a sparse matrix of no size": sparse((10**6, 10**6), [], [], []),
    "a large sparse matrix without content": sparse((10**9, 1), [], [], [0, 0]),
    "a sparse matrix out of its rows": sparse((2, 1), [1.0], [7], [0, 1]),
    "a sparse matrix of a long column": sparse((2, 1), [1.0], [0], [0, 10**12]),
    "a sparse matrix whose columns go back": sparse((2, 2), [1.0], [0], [0, 5, 1]),
    "a persistent name": b"Psomething\n",
    "an extension number": b"\x82\x01",
    "text of more bytes than there are": b"\x8d" + (10**14).to_bytes(8, "little") + b"abc",
    "bytes of more bytes than there are": b"\x8e" + (2**35).to_bytes(8, "little") + b"abc",
    "a byte array of more bytes than there are": b"\x96" + (10**14).to_bytes(8, "little") + b"abc",
    "a frame of more bytes than there are": b"\x95" + (2**36).to_bytes(8, "little") + b"abc",
    "a memory of many places": b"}r\xff\xff\xff\x7f",
    "a name over two lines": b"\x8c\x02a\n\x8c\x02b\n\x93",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_pickles_written_by_hand_are_refused(case: str, tmp_path: Path) -> None:
    rest = pickle.dumps({name: one for name, one in smpl_arrays().items() if name != "v_template"}, protocol=2)[2:-1]
    path = written(tmp_path / "SMPL_MALE.pkl", b"\x80\x04" + rest + b"S'v_template'\n" + HOSTILE[case] + b"s.")
    with pytest.raises(FileError) as caught:
        read_body(path)
    assert "\n" not in str(caught.value)
    assert "SMPL_MALE.pkl: " in str(caught.value)
    if "more bytes" in case:  # found out while reading, before memory is asked for
        assert "the file ends within a value" in str(caught.value)
    assert all(getattr(part, "__doc__", None) != "bent" for part in _NAMES.values())


@pytest.mark.parametrize("share", [0.0001, 0.1, 0.5, 0.99, 0.99999])
@pytest.mark.parametrize("suffix", [".pkl", ".npz"])
def test_files_cut_short_are_refused(suffix: str, share: float, tmp_path: Path) -> None:
    whole = tmp_path / f"whole{suffix}"
    if suffix == ".pkl":
        whole.write_bytes(pickled(smpl_arrays(), 2))
    else:
        write_npz(whole, smpl_arrays())
    content = whole.read_bytes()
    path = written(tmp_path / f"cut{suffix}", content[: int(len(content) * share)])
    for format_name in (None, f"smpl_{'pickle' if suffix == '.pkl' else 'npz'}"):
        with pytest.raises(FileError) as caught:
            read_body(path, format=format_name)
        assert "\n" not in str(caught.value)


def archive_of(path: Path, header: dict[str, Any], content: bytes, name: str = "v_template") -> Path:
    """An archive of a model, one of whose arrays has the header and the content given."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, header)
    write_npz(path, {one: array for one, array in smpl_arrays().items() if one != name})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.npy", file.getvalue() + content)
    return path


@pytest.mark.parametrize("shape", [(10**9, 3), (10**15, 3), (10**6, 3)])
def test_arrays_larger_than_their_file_are_refused(shape: tuple[int, ...], tmp_path: Path) -> None:
    path = archive_of(tmp_path / "a.npz", {"descr": "<f8", "fortran_order": False, "shape": shape}, bytes(100))
    with pytest.raises(FileError, match=r"too large|cut short"):
        read_body(path)


def test_a_member_that_states_more_than_it_can_unfold_to_is_refused(tmp_path: Path) -> None:
    header = {"descr": "<f8", "fortran_order": False, "shape": (40_000_000, 3)}
    path = archive_of(tmp_path / "a.npz", header, bytes(100))
    content = path.read_bytes()
    place = content.rindex(b"PK\x01\x02", 0, content.rindex(b"v_template.npy"))
    assert content[place + 46 :].startswith(b"v_template.npy")
    stated = (960_000_128).to_bytes(4, "little")
    path.write_bytes(content[: place + 24] + stated + content[place + 28 :])
    with pytest.raises(FileError, match="needs more than its"):
        read_body(path)


def test_objects_in_place_of_numbers_are_refused(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    arrays = {**smpl_arrays(), "weights": np.array(Calls(os.system, f"touch {mark}"), dtype=object)}
    with pytest.raises(FileError, match="Python objects"):
        read_body(write_npz(tmp_path / "a.npz", arrays))
    assert not mark.exists()
