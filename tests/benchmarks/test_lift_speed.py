"""The benchmark of lifting speed runs and prints what it promises."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")


def test_lift_speed() -> None:
    command = [sys.executable, str(Path(__file__).with_name("lift_speed.py")), "residual_mlp_cmu17", "--seconds", "0.1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)["residual_mlp_cmu17"]
    assert figures["parameters"] > 2e6
    assert min(figures["lift"], figures["stream"], figures["onnx"]["batch_1"], figures["onnx"]["batch_1024"]) > 0
    for batch in (1, 1024):
        share = figures["onnx"][f"batch_{batch}_share_percent"]
        assert set(share) == {"network", "encoding"}
        assert 99 < sum(share.values()) < 101
