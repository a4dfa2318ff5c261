"""`lift3d export` as a user types it."""

from pathlib import Path

import pytest

from lift3d.cli import _run

onnx = pytest.importorskip("onnx")


def test_the_shipped_lifter_is_exported_and_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxruntime")
    assert _run(["export", "residual_mlp_cmu17", str(tmp_path / "lifter.onnx")]) == 0
    out = capsys.readouterr().out
    assert "lifter.onnx: rays (batch, 17, 2), scores (batch, 17) -> positions (batch, 17, 3)" in out
    assert "ONNX Runtime agrees with torch to" in out
    assert len(onnx.load(tmp_path / "lifter.onnx").graph.node) > 20


def test_wrong_use_is_one_line_and_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in {
        ("residual_mlp_cmu17", "lifter.pt"): "lifter.pt does not end in .onnx. Pass a name such as lifter.onnx.",
        ("nothing.safetensors", "lifter.onnx"): "there is no such checkpoint",
        ("movenet_thunder", "lifter.onnx"): "Pass a checkpoint of a lifter",
    }.items():
        assert _run(["export", words[0], str(tmp_path / words[1])]) == 2
        err = capsys.readouterr().err.strip()
        assert said in err
        assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())
