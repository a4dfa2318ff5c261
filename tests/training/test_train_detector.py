"""A detector learns from drawings and from labelled pictures; its weights are read as they were taught."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lift3d.checkpoints import load_network
from lift3d.errors import SettingsError, UnknownNameError
from lift3d.settings import read_toml
from lift3d.training.runs import run_training

DRAWN: dict[str, Any] = {
    "kind": "detector",
    "data": {"source": "drawn", "measured": 16},
    "network": {"name": "integral_resnet", "joints": 17, "depth": 0, "backbone": {"layers": 18, "width": 4},
                "upsampling": {"count": 2, "channels": 16}},
    "reading": {"name": "top_down", "image_size": [32, 32], "decoding": "integral"},
    "loop": {"steps": 40, "batch": 16, "learning_rate": 5e-3, "warmup": 0, "save_every": 20, "bfloat16": False},
    "strategy": {"heatmap_loss": "none", "coordinate_loss": "l1", "decoding": "integral"},
}  # fmt: skip
LABELLED = {**DRAWN, "augmentation": {}, "loop": {**DRAWN["loop"], "steps": 2, "save_every": 1, "batch": 4}}


def test_a_detector_learns_from_drawings_and_says_how_it_is_read(tmp_path: Path) -> None:
    weights = run_training(DRAWN, tmp_path / "run")
    rows = (tmp_path / "run" / "curve.csv").read_text().splitlines()
    assert rows[0] == "step,loss,error_px,within_5_percent"
    first, last = (float(row.split(",")[1]) for row in (rows[1], rows[-1]))
    assert last < 0.95 * first
    loaded = load_network(weights)
    assert (loaded.name, loaded.skeleton.name, loaded.settings.backbone.width) == ("integral_resnet", "human36m17", 4)
    assert loaded.encoding["name"] == "top_down"
    assert loaded.encoding["decoding"] == "integral"
    kept = read_toml(tmp_path / "run" / "settings.toml")
    assert kept["strategy"]["coordinate_loss"] == "l1"
    assert run_training(kept, tmp_path / "run") == weights  # what is kept is complete: the run is found finished


def test_a_detector_learns_depth_where_it_is_known(tmp_path: Path) -> None:
    network = {**DRAWN["network"], "depth": 8}
    loop = {**DRAWN["loop"], "steps": 2, "save_every": 1}
    run_training({**DRAWN, "network": network, "loop": loop}, tmp_path / "run")
    assert (tmp_path / "run" / "curve.csv").read_text().startswith("step,loss,error_px,within_5_percent,depth_error_px")


def test_several_labelled_sets_are_learned_at_once(tmp_path: Path) -> None:
    images, coco, mpii = tmp_path / "images", tmp_path / "coco.json", tmp_path / "mpii.json"
    images.mkdir()
    joints = np.random.default_rng(0).integers(4, 60, (17, 2))
    for name in ("a.png", "b.png"):
        Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 80, 3), np.uint8)).save(images / name)
    coco.write_text(json.dumps({
        "images": [{"id": 5, "file_name": "a.png", "width": 80, "height": 64}],
        "annotations": [{"id": 1, "image_id": 5, "category_id": 1, "iscrowd": 0, "num_keypoints": 17, "area": 900.0,
                         "bbox": [2, 2, 60, 60], "keypoints": np.c_[joints, np.full(17, 2)].flatten().tolist()}],
        "categories": [{"id": 1, "name": "person"}],
    }))  # fmt: skip
    mpii.write_text(json.dumps([
        {"image": name, "center": [32.0, 32.0], "scale": 0.3, "joints": joints[:16].tolist(), "joints_vis": [1] * 16}
        for name in ("a.png", "b.png")
    ]))  # fmt: skip
    data = {
        "source": "pictures",
        "skeleton": "human36m17",
        "sets": [{"path": str(coco), "images": str(images)},
                 {"path": str(mpii), "images": str(images), "without": ["a*"], "share": 0.5}],
        "held": [{"path": str(mpii), "images": str(images), "only": ["a.png"]}],
    }  # fmt: skip
    weights = run_training({**LABELLED, "data": data}, tmp_path / "run")
    assert load_network(weights).extra["trained_on"] == "2 people in labelled pictures"
    kept = read_toml(tmp_path / "run" / "settings.toml")
    assert kept["data"]["sets"][1]["share"] == 0.5


def test_wrong_settings_are_said_in_one_line(tmp_path: Path) -> None:
    for change, problem in (
        ({"network": {**DRAWN["network"], "joints": 16}}, "it predicts 16 joints; the data has the 17 of human36m17"),
        ({"reading": {"name": "single_person"}}, "'single_person' cannot be trained; expected 'top_down'"),
        ({"augmentation": {}}, r"drawn people vary by themselves; remove \[augmentation\]"),
        ({"data": {"source": "pictures", "sets": []}}, r"expected a table \[\[data.sets\]\]"),
        (
            {"reading": {**DRAWN["reading"], "decoding": "argmax"}},
            "the reading has decoding 'argmax', the strategy 'integral'",
        ),
    ):
        tables = {**DRAWN, **change}
        with pytest.raises(SettingsError, match=problem):
            run_training(tables, tmp_path)
    with pytest.raises(UnknownNameError, match="source of data"):
        run_training({**DRAWN, "data": {"source": "photographs"}}, tmp_path)
