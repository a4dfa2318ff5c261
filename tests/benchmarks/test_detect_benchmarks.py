"""The benchmarks of detection run and print what they promise."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
VIDEO = HERE.parents[1] / "lift3d" / "data" / "demo" / "cam01.mp4"


def run(script, *words):
    command = [sys.executable, str(HERE / script), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_group_people():
    figures = run("group_people.py", "--repeats", 1)["people"]
    assert set(figures) == {"1", "5", "20"}
    for people, own in figures.items():
        assert own["found"] == own["openpose_style_found"] == int(people)
        assert own["worst_px"] < 0.1
        assert min(own["ms"], own["openpose_style_resizing_ms"], own["openpose_style_grouping_ms"]) > 0


def test_detect_speed():
    pytest.importorskip("onnxruntime")
    figures = run("detect_speed.py", VIDEO, "--frames", 2, "--cores", 1, "--kinds", "decoding", "onnx")
    (own,) = figures.values()  # of one core
    assert list(own) == ["decoding", "onnx"]
    for kind, each in own.items():
        assert each["frames"] == 2
        assert min(each["frames_per_s"], each["processor_ms"]) > 0
        assert ("network_ms" in each) == (kind != "decoding")
