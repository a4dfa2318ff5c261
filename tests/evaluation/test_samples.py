"""Files of samples: what is written comes back; plain archives are read; what does not go together is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lift3d.errors import FileError, ShapeError
from lift3d.evaluation import PoseSamples, read_samples, write_samples
from lift3d.skeletons import get_skeleton
from lift3d.synthetic import walk


def made(skeleton="human36m17"):
    bones = get_skeleton(skeleton)
    targets = walk(frames=6).mapped_to(bones).positions[:, 0].float()
    predictions = targets + 0.01
    predictions[2, 3] = torch.nan
    return PoseSamples(
        predictions, targets, torch.tensor([0, 0, 0, 1, 1, 1]), torch.tensor([0, 1, 2, 0, 1, 2]),
        ("S9", "S11"), ("Walking", "Eating"), ("Walking 1", "Eating 2"), ("cam1", "cam2"), bones, ("by hand", "twice"),
    )  # fmt: skip


def plain(**changes):
    """Arrays as somebody else would save them: a label a sample, nothing more than is needed."""
    samples = made()
    arrays = {
        "predictions": samples.predictions.numpy(),
        "targets": samples.targets.numpy(),
        "subject": np.array(samples.labels("subjects")),
        "action": np.array(samples.labels("actions")),
        "sequence": np.array(samples.labels("sequences")),
    }
    return {name: values for name, values in {**arrays, **changes}.items() if values is not None}


@pytest.mark.parametrize("skeleton", ["human36m17", "human36m14", "coco17"])
def test_what_is_written_comes_back(tmp_path, skeleton):
    samples = made(skeleton)
    write_samples(samples, tmp_path / "samples.npz")
    again = read_samples(tmp_path / "samples.npz")
    for name in ("predictions", "targets", "clip", "frames"):
        torch.testing.assert_close(getattr(again, name), getattr(samples, name), equal_nan=True, rtol=0, atol=0)
    for name in ("subjects", "actions", "sequences", "cameras", "skeleton", "notes"):
        assert getattr(again, name) == getattr(samples, name)


def test_a_skeleton_of_ones_own_is_kept(tmp_path):
    arms = get_skeleton("human36m17").only(["thorax", "left_shoulder", "left_elbow"])
    positions = torch.zeros(1, 3, 3)
    own = PoseSamples(
        positions, positions, torch.tensor([0]), torch.tensor([0]), ("S9",), ("a",), ("a 1",), ("",), arms
    )
    write_samples(own, tmp_path / "arms.npz")
    assert read_samples(tmp_path / "arms.npz").skeleton == arms


def test_a_plain_archive_is_read(tmp_path):
    np.savez(tmp_path / "plain.npz", **plain())
    samples = read_samples(tmp_path / "plain.npz")
    assert samples.skeleton.name == "human36m17"
    assert samples.frames.tolist() == [0, 1, 2, 0, 1, 2]  # counted in each sequence
    assert samples.labels("actions") == ["Walking"] * 3 + ["Eating"] * 3
    assert samples.sequence_names() == ["Walking 1"] * 3 + ["Eating 2"] * 3
    np.savez(tmp_path / "cameras.npz", **plain(camera=np.array(["a", "b", "a", "b", "a", "b"])))
    views = read_samples(tmp_path / "cameras.npz")
    assert views.sequence_names()[:2] == ["Walking 1.a", "Walking 1.b"]
    assert views.frames.tolist() == [0, 0, 1, 0, 0, 1]


def test_predictions_and_truth_may_be_two_files(tmp_path):
    write_samples(made(), tmp_path / "truth.npz")
    predictions = np.random.default_rng(0).normal(size=(6, 17, 3)).astype("f4")
    np.savez(tmp_path / "predictions.npz", predictions=predictions)
    samples = read_samples(tmp_path / "predictions.npz", tmp_path / "truth.npz")
    assert np.array_equal(samples.predictions.numpy(), predictions)
    torch.testing.assert_close(samples.targets, made().targets)
    assert samples.notes == ()  # how the other predictions were made is not said of these
    np.savez(tmp_path / "fewer.npz", predictions=predictions[:5])
    with pytest.raises(FileError, match=r"\(5, 17, 3\) and \(6, 17, 3\)"):
        read_samples(tmp_path / "fewer.npz", tmp_path / "truth.npz")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"targets": None, "action": None}, "lacks the arrays targets, action"),
        ({"predictions": np.zeros((6, 17, 2))}, r"expected \(samples, joints, 3\)"),
        ({"subject": np.array(["S9"] * 5)}, "5 texts in 'subject'; expected 6"),
        ({"subject": np.arange(6)}, "'subject' is of type int64; expected text"),
        ({"frame": np.arange(6) / 2}, "'frame' is of type float64; expected whole numbers"),
        ({"frame": np.arange(5)}, r"frames has shape \(5,\)"),
        ({"clip": np.array([0, 0, 0, 1, 1, 9])}, "one for each clip up to number 9"),
        ({"skeleton": np.array("coco17x")}, "No skeleton named 'coco17x'. Did you mean 'coco17'"),
        ({"predictions": np.zeros((6, 3, 3)), "targets": np.zeros((6, 3, 3))}, "names no skeleton"),
        ({"targets": np.array([{}] * 6, dtype=object)}, "holds Python objects; expected numbers"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(tmp_path, changes, said):
    np.savez(tmp_path / "bad.npz", **plain(**changes))
    with pytest.raises((FileError, ValueError), match=said) as caught:
        read_samples(tmp_path / "bad.npz")
    assert "\n" not in str(caught.value)


def test_the_noun_checks_itself():
    with pytest.raises(ShapeError, match="predictions"):
        replace(made(), predictions=torch.zeros(5, 17, 3))
    with pytest.raises(ShapeError, match="cameras"):
        replace(made(), cameras=("one",))
