"""Files of torch.save are read without running anything: published ones are read, planted calls are refused."""

from __future__ import annotations

import os
import pickle
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from published_files import save, videopose3d

from lift3d.cli import _run
from lift3d.errors import FileError
from lift3d.importers._torch_file import _MAGIC_NUMBER, read_torch_file


class Calls:
    """Pickles to a call of any function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any, state: Any = None) -> None:
        self.call = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


ATTACKS = {
    "os.system": lambda mark: Calls(os.system, f"touch {mark}"),
    "subprocess": lambda mark: Calls(subprocess.check_call, ["touch", mark]),
    "eval": lambda mark: Calls(eval, f"open({mark!r}, 'w').close()"),
    "exec": lambda mark: Calls(exec, f"open({mark!r}, 'w').close()"),
    "open": lambda mark: Calls(open, mark, "w"),
    "getattr": lambda mark: Calls(getattr, "x", "upper"),
    "numpy.load": lambda mark: Calls(np.load, mark, None, True),
    "pickle.loads": lambda mark: Calls(pickle.loads, b"cposix\nsystem\n(S'touch x'\ntR."),
    "torch.load": lambda mark: Calls(torch.load, mark),
    "a module": lambda mark: torch.nn.Linear(2, 2),
}


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("attack", ATTACKS)
def test_planted_calls_are_refused_and_do_not_run(
    attack: str, old: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mark, known = tmp_path / "ran", set(torch.serialization.get_safe_globals())
    content = videopose3d()
    content["model_pos"]["planted"] = ATTACKS[attack](str(mark))
    source = save(tmp_path / "planted.bin", content, old)
    with pytest.raises(FileError, match="refused: it asks to run"):
        read_torch_file(source)
    assert _run(["convert", str(source), str(tmp_path / "own.safetensors"), "--skeleton", "coco17"]) == 2
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert "planted.bin: refused: it asks to run " in text
    assert not mark.exists()
    assert not (tmp_path / "own.safetensors").exists()
    assert set(torch.serialization.get_safe_globals()) == known


@pytest.mark.parametrize("old", [False, True])
def test_the_name_of_a_planted_call_is_told(old: bool, tmp_path: Path) -> None:
    for call, name in ((os.system, "posix.system"), (eval, "eval"), (shutil.rmtree, "shutil.rmtree")):
        with pytest.raises(FileError, match=f"asks to run {name} when read"):
            read_torch_file(save(tmp_path / "a.bin", {"x": Calls(call, "1")}, old))


def test_objects_and_states_that_bend_arrays_are_refused(tmp_path: Path) -> None:
    rebuild = np._core.multiarray._reconstruct
    pointer = b"\x01\x02\x03\x04\x05\x06\x07\x08"
    bent = {
        "a pointer in place of an object": Calls(
            rebuild, np.ndarray, (0,), b"b", state=(1, (1,), np.dtype("O"), False, pointer)
        ),
        "fewer bytes than numbers": Calls(
            rebuild, np.ndarray, (0,), b"b", state=(1, (9,), np.dtype("f8"), False, pointer)
        ),
        "a state of nonsense": Calls(rebuild, np.ndarray, (0,), b"b", state=5),
        "a structured type of objects": np.zeros(2, dtype=[("a", "O")]),
        "a set": {1, 2},
    }
    for old in (False, True):
        for name, value in bent.items():
            with pytest.raises(FileError, match="is damaged or no file of torch") as caught:
                read_torch_file(save(tmp_path / "bent.bin", {"x": value}, old))
            assert "\n" not in str(caught.value), name
            assert "weights_only" not in str(caught.value), name


@pytest.mark.parametrize("old", [False, True])
def test_tensors_arrays_and_plain_values_come_back(old: bool, tmp_path: Path) -> None:
    shared = torch.randn(3, 4)
    content = {
        "tensor": shared,
        "turned": shared.T,
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "whole": torch.arange(3),
        "half": torch.ones(2, dtype=torch.float16),
        "array": np.arange(6.0).reshape(2, 3),
        "number": np.float64(0.5),
        "count": np.int64(-3),
        "objects": np.array([np.zeros(2), None], dtype=object),
        "plain": ["a", 1, 2.5, None, True, (1, 2), b"\xff"],
        "size": torch.Size([1, 2]),
        "kind": torch.float32,
    }
    read = read_torch_file(save(tmp_path / "a.bin", content, old))
    for name in ("tensor", "turned", "whole", "half"):
        assert torch.equal(read[name], content[name])
        assert read[name].dtype == content[name].dtype
    assert not read["parameter"].requires_grad
    assert np.array_equal(read["array"], content["array"])
    assert (read["number"], read["count"], read["plain"]) == (0.5, -3, content["plain"])
    assert (tuple(read["size"]), read["kind"]) == ((1, 2), "torch.float32")
    assert np.array_equal(read["objects"][0], np.zeros(2))


def test_names_of_older_numpy_are_read(tmp_path: Path) -> None:
    """The published files are of 2018 and 2019: NumPy was 1.14 to 1.16."""
    generator = Calls(np.random.__RandomState_ctor, state=np.random.RandomState(3).get_state())  # as 1.16 pickled it
    source = save(tmp_path / "a.bin", {"random_state": generator, "mean": np.arange(3.0)}, old=True)
    content = source.read_bytes()
    assert b"cnumpy.random\n__RandomState_ctor\n" in content
    assert b"cnumpy._core.multiarray\n_reconstruct\n" in content
    source.write_bytes(content.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"))
    read = read_torch_file(source)
    assert read["random_state"] is None
    assert read["mean"].tolist() == [0.0, 1.0, 2.0]


def test_arrays_that_python_2_wrote_are_read(tmp_path: Path) -> None:
    """Python 2 pickles bytes as text; PyTorch's restricted reader has no instruction for more than 255 of them."""

    def text(value: bytes) -> bytes:
        return b"T" + struct.pack("<I", len(value)) + value

    mean = np.linspace(-3, 3, 96)
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntU\x01btR(I1\n(I96\ntcnumpy\ndtype\n(U\x02f8"
    array += b"I0\nI1\ntR(I3\nU\x01<NNNI-1\nI-1\nI0\ntbI00\n" + text(mean.tobytes()) + b"tb"
    pickled = b"\x80\x02}U\x04mean" + array + b"s."
    header = [pickle.dumps(part, protocol=2) for part in (_MAGIC_NUMBER, 1001, {"little_endian": True})]
    (tmp_path / "stat_3d.pth.tar").write_bytes(b"".join(header) + pickled + pickle.dumps([], protocol=2))
    assert np.array_equal(read_torch_file(tmp_path / "stat_3d.pth.tar")["mean"], mean)


@pytest.mark.parametrize("old", [False, True])
def test_bytes_changed_anywhere_raise_nothing_but_a_file_error(old: bool, tmp_path: Path) -> None:
    content = {"x": torch.arange(4.0), "y": np.arange(3.0), "z": np.random.RandomState(1)}
    whole = bytearray(save(tmp_path / "whole.bin", content, old).read_bytes())
    path, random = tmp_path / "changed.bin", np.random.default_rng(0)
    for _ in range(150):
        changed = whole.copy()
        changed[random.integers(0, len(whole))] = random.integers(0, 256)
        path.write_bytes(changed)
        try:
            read_torch_file(path)
        except FileError as error:
            assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize("kept", [0, 1, 100, 2000])
@pytest.mark.parametrize("old", [False, True])
def test_files_cut_short_are_refused(kept: int, old: bool, tmp_path: Path) -> None:
    source = save(tmp_path / "whole.bin", videopose3d(), old)
    (tmp_path / "cut.bin").write_bytes(source.read_bytes()[:kept])
    with pytest.raises(FileError, match="is damaged or no file of torch"):
        read_torch_file(tmp_path / "cut.bin")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.bin", tmp_path):
        with pytest.raises(FileError, match="cannot be read"):
            read_torch_file(path)
