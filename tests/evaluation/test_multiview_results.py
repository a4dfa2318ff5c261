"""Learnable triangulation's results and labels: its numbers, its tables, and what is left out, on made-up files.

``published_numbers`` is the publication's way to measure, written down from its description: millimetres, joints in the
files' own order, joint 6 the pelvis, frames weighed alike.
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lift3d.cli import _run
from lift3d.errors import FileError, InputError
from lift3d.evaluation import evaluate_multiview, evaluate_protocols, read_multiview_results, read_samples
from lift3d.evaluation.protocols import protocols_named
from lift3d.skeletons import get_skeleton
from lift3d.synthetic import walk

SUBJECTS = ["S1", "S9", "S11"]
ACTIONS = ["Directions-1", "Directions-2", "Greeting-1", "Greeting-2", "SittingDown-2", "TakingPhoto-1", "Waiting-1"]
FILE_JOINTS = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "spine", "thorax",
    "head", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "neck_nose",
)  # fmt: skip
PELVIS = 6
DAMAGED = {("S9", "Greeting-2"), ("S9", "SittingDown-2"), ("S9", "Waiting-1")}
# frames of each sequence: of different lengths, so that frames and actions are not the same mean
LENGTHS = {"Directions-1": 4, "Directions-2": 2, "Greeting-1": 3, "Greeting-2": 5, "SittingDown-2": 2,
           "TakingPhoto-1": 1, "Waiting-1": 6}  # fmt: skip


def write_labels(path: Path) -> np.ndarray:
    """The table, in the order of subjects, actions and frames; every fifth frame of a walk, mm."""
    row = np.dtype([("subject_idx", "i1"), ("action_idx", "i1"), ("frame_idx", "i2"), ("keypoints", "f4", (17, 3)),
                    ("bbox_by_camera_tlbr", "i2", (4, 4))])  # fmt: skip
    bones, parts = get_skeleton("human36m17"), []
    for subject in range(len(SUBJECTS)):
        for action, name in enumerate(ACTIONS):
            own = np.zeros(LENGTHS[name], row)
            own["subject_idx"], own["action_idx"] = subject, action
            own["frame_idx"] = 5 * np.arange(len(own))
            body = walk(frames=len(own), fps=10, seed=10 * subject + action).positions[:, 0].numpy()
            own["keypoints"] = 1000 * body[:, bones.indices(*FILE_JOINTS)]
            parts.append(own)
    camera = np.dtype([("R", "f4", (3, 3)), ("t", "f4", (3, 1)), ("K", "f4", (3, 3)), ("dist", "f4", 5)])
    table, names = np.concatenate(parts), ["54138969", "55011271", "58860488", "60457274"]
    content: Any = {"subject_names": SUBJECTS, "camera_names": names, "action_names": ACTIONS,
                    "cameras": np.zeros((3, 4), camera), "table": table}  # fmt: skip
    np.save(path, content, allow_pickle=True)
    return table


def is_damaged(row: np.void) -> bool:
    return (SUBJECTS[row["subject_idx"]], ACTIONS[row["action_idx"]]) in DAMAGED


def published_numbers(predicted: np.ndarray, rows: np.ndarray) -> dict[str, dict[str, float]]:
    """Absolute and relative: the mean over frames, of each action with its trials merged, and of each subject."""
    truth = rows["keypoints"].astype(float)
    absolute = np.sqrt(((predicted - truth) ** 2).sum(2)).mean(1)
    relative = (predicted - predicted[:, PELVIS : PELVIS + 1]) - (truth - truth[:, PELVIS : PELVIS + 1])
    actions = np.array([ACTIONS[row["action_idx"]].rpartition("-")[0] for row in rows])
    people = np.array([SUBJECTS[row["subject_idx"]] for row in rows])
    found = {}
    for name, errors in (("absolute", absolute), ("relative", np.sqrt((relative**2).sum(2)).mean(1))):
        groups = {label: errors[labels == label].mean() for labels in (actions, people) for label in set(labels)}
        found[name] = {"Average": errors.mean(), **groups}
    return found


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labels; results with the damaged sequences, which are far off, and without them; in no order."""
    folder = tmp_path_factory.mktemp("multiview")
    rows = write_labels(folder / "labels.npy")
    tested = rows[rows["subject_idx"] > 0]
    random = np.random.default_rng(0)
    noise = random.normal(scale=20, size=(len(tested), 17, 3)) + random.normal(scale=30, size=(len(tested), 1, 3))
    noise[[is_damaged(row) for row in tested]] += 200 * random.normal(size=(17, 3))
    predicted = tested["keypoints"] + noise
    intact = np.array([not is_damaged(row) for row in tested])
    for name, points in (("all", predicted), ("intact", predicted[intact])):
        order = random.permutation(len(points))
        content = {"keypoints_3d": points[order].astype("f4"), "indexes": order}
        (folder / f"{name}.pkl").write_bytes(pickle.dumps(content))
    np.savez(folder / "expected.npz", predicted=predicted, tested=tested, intact=intact)
    return folder


def expected(files: Path) -> dict[str, dict[str, float]]:
    """By alias of the protocol."""
    with np.load(files / "expected.npz") as file:
        predicted, tested, intact = file["predicted"], file["tested"], file["intact"]
    whole, part = published_numbers(predicted, tested), published_numbers(predicted[intact], tested[intact])
    return {
        "iskakov:relative": whole["relative"], "iskakov:relative-intact": part["relative"],
        "iskakov:absolute": part["absolute"], "iskakov:absolute-all": whole["absolute"],
    }  # fmt: skip


def test_the_numbers_and_tables_are_the_published_ones(files: Path) -> None:
    found = evaluate_multiview(read_multiview_results(files / "all.pkl", files / "labels.npy"))
    assert not found.refused
    wanted = expected(files)
    assert {alias for aliases in found.aliases.values() for alias in aliases} == set(wanted)
    for name, report in found.reports.items():
        numbers = wanted[found.aliases[name][0]]
        ours = {"Average": report.values[report.headline]}
        ours |= {row.name: row.values[report.headline] for row in (*report.per_action, *report.per_subject)}
        assert ours == pytest.approx(numbers, abs=1e-2), name
    assert len({round(numbers["Average"], 1) for numbers in wanted.values()}) == 4  # none stands for another


def test_each_choice_stands_beside_its_number(files: Path) -> None:
    found = evaluate_multiview(read_multiview_results(files / "all.pkl", files / "labels.npy"))
    text = found.to_text()
    assert "human36m-s9s11-labelled-none-intact" in text
    assert "without S9 Greeting-2, S9 SittingDown-2, S9 Waiting-1" in text
    assert "no sequence left out" in text
    assert "frames of labels.npy: all of S9 and S11; 5 frames from one to the next" in text
    assert "every frame" in text
    assert "mpjve" not in text  # of frames that do not follow each other


def test_without_the_damaged_sequences_nothing_is_said_of_them(files: Path) -> None:
    found = evaluate_multiview(read_multiview_results(files / "intact.pkl", files / "labels.npy"))
    aliases = {alias for own in found.aliases.values() for alias in own}
    assert aliases == {"iskakov:relative-intact", "iskakov:absolute"}
    wanted = expected(files)
    for name, report in found.reports.items():
        assert report.values[report.headline] == pytest.approx(wanted[found.aliases[name][0]]["Average"], abs=1e-2)
    assert len(found.refused) == 2
    assert "no frames of the damaged sequences" in found.to_text()


def test_joints_and_units_are_ours(files: Path) -> None:
    """The truth is the walk that it was made from: metres, joints in human36m17's order."""
    samples = read_multiview_results(files / "all.pkl", files / "labels.npy")
    first = walk(frames=4, fps=10, seed=10).positions[:, 0].float()  # S9, Directions-1
    torch.testing.assert_close(samples.targets[:4].float(), first, rtol=0, atol=1e-5)
    assert (samples.subjects[0], samples.actions[0], samples.sequences[0]) == ("S9", "Directions", "Directions-1")
    assert samples.frames[:5].tolist() == [0, 5, 10, 15, 0]


def test_the_command_prints_and_keeps_them(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", files / "all.pkl", files / "labels.npy", "--json", tmp_path / "r.json"]
    assert _run([str(word) for word in (*words, "--save", tmp_path / "samples.npz")]) == 0
    text = capsys.readouterr().out
    for alias, numbers in expected(files).items():
        assert f"{numbers['Average']:.1f}" in text, alias
    assert "SittingDown" in text
    tables = json.loads((tmp_path / "r.json").read_text())["protocols"]
    assert tables["human36m-s9s11-labelled-none"]["poses"] == 46
    # the same samples by the protocols that count frames themselves: every fifth frame is every frame there is
    again = evaluate_protocols(read_samples(tmp_path / "samples.npz"), ["iskakov"])
    for name, report in again.reports.items():
        kept = tables[name.replace("step5", "labelled")]["over_frames"]
        assert report.values[report.headline] == pytest.approx(kept[report.headline], rel=1e-5)
    assert _run([str(word) for word in (*words, "--protocol", "iskakov")]) == 2
    assert "no --protocol" in capsys.readouterr().err


def test_what_does_not_fit_is_one_line(files: Path, tmp_path: Path) -> None:
    def said(content: Any, labels: Path = files / "labels.npy") -> str:
        (tmp_path / "results.pkl").write_bytes(pickle.dumps(content))
        with pytest.raises((FileError, InputError)) as caught:
            evaluate_multiview(read_multiview_results(tmp_path / "results.pkl", labels))
        assert "\n" not in str(caught.value)
        return str(caught.value)

    points = np.zeros((7, 17, 3))
    assert "has 7 results; labels.npy has 46 frames of S9 and S11, 33 without" in said(
        {"keypoints_3d": points, "indexes": np.arange(7)}
    )
    assert "not the numbers from 0 to 6" in said({"keypoints_3d": points, "indexes": np.array([0, 1, 2, 3, 4, 5, 5])})
    assert "shape (7, 16, 3)" in said({"keypoints_3d": points[:, :16], "indexes": np.arange(7)})
    assert "lacks keypoints_3d or indexes" in said([points])
    assert "asks to run" in said({"keypoints_3d": Path("x"), "indexes": np.arange(7)})


def test_a_school_stands_for_all_of_its_protocols() -> None:
    assert [protocol.alignment for protocol in protocols_named("iskakov")] == ["root", "root", "none", "none"]
    assert {len(protocol.joints) for protocol in protocols_named("martinez/14")} == {14}
    assert [protocol.name for protocol in protocols_named("martinez:1")] == ["human36m-s9s11-root"]
