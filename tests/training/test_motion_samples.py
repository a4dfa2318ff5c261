"""Samples from motion are of the people that are asked for; those held out are measured and never trained on."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from lift3d import get_skeleton
from lift3d.errors import SettingsError
from lift3d.lifting.encodings import encoding_named
from lift3d.synthetic import walk
from lift3d.training.body_variation import BodySettings
from lift3d.training.detector_noise import NoiseSettings
from lift3d.training.lifter_settings import LifterTraining, MotionData
from lift3d.training.loop import LoopSettings
from lift3d.training.motion_samples import MotionSamples
from lift3d.training.named_settings import Named
from lift3d.training.virtual_cameras import ViewSettings

SIZES = {"a": 1.0, "b": 0.7, "c": 1.4}  # by which the samples tell who is who
SKELETON = get_skeleton("human36m17")
SAME = BodySettings(body_scale=0, bone_scale=0, tilt_deg=0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "walks.h5", "w") as file:
        file.attrs["unit_mm"] = 1000.0
        file["positions"] = np.concatenate([size * walk(frames=20).positions[:, 0].numpy() for size in SIZES.values()])
        group = file.create_group("clips")
        group["name"] = group["subject"] = [name.encode() for name in SIZES]
        group["split"], group["start"], group["length"] = [b"train"] * 3, [0, 20, 40], [20] * 3
    return tmp_path / "walks.h5"


def _samples(path: Path, **data: object) -> MotionSamples:
    own = MotionData(str(path), **data)  # type: ignore[arg-type]
    encoding = Named("screen", encoding_named("screen").settings())
    parts = {"bodies": SAME, "views": ViewSettings(), "noise": NoiseSettings()}
    return MotionSamples(LifterTraining("lifter", own, encoding, encoding, LoopSettings(1), **parts))


def _who(truth: Tensor) -> set[str]:
    shin = walk(frames=1).positions[0, 0, SKELETON.indices("left_knee", "left_ankle")]
    length = (shin[0] - shin[1]).norm()
    own = truth[..., SKELETON.indices("left_knee", "left_ankle"), :]
    sizes = (own[..., 0, :] - own[..., 1, :]).norm(dim=-1).flatten() / length
    return {min(SIZES, key=lambda name: abs(SIZES[name] - size)) for size in sizes.tolist()}


def test_who_is_held_out_is_measured_and_nobody_else(path: Path) -> None:
    samples = _samples(path, hold_out=("b",), frames=3)
    assert _who(samples.draw(300, Generator())[1]) == {"a", "c"}
    assert _who(next(iter(samples.everything()))[1][:500]) == {"a", "c"}
    held = list(samples.held(200))
    assert [kind for kind, _, _ in held] == ["exact", "detected"]
    for kind, observed, truth in held:
        assert _who(truth) == {"b"}
        assert observed.scores.shape == (200, 3, 17)
        assert bool((observed.scores == 1).all()) is (kind == "exact")
    torch.testing.assert_close(held[0][2], held[1][2])
    assert not list(_samples(path).held(10))
    assert samples.about == "40 frames of 2 subjects"


def test_only_the_chosen_subjects_are_drawn(path: Path) -> None:
    assert _who(_samples(path, subjects=("c",)).draw(100, Generator())[1]) == {"c"}
    with pytest.raises(SettingsError, match="no subject d; known: a, b, c"):
        _samples(path, subjects=("d",))
    with pytest.raises(SettingsError, match="no subject is left"):
        _samples(path, subjects=("a",), hold_out=("a",))


def test_many_windows_come_in_parts_that_are_together_as_many(path: Path) -> None:
    samples = _samples(path, hold_out=("b",), frames=400)
    parts = [truth for kind, _, truth in samples.held(200) if kind == "exact"]
    assert len(parts) > 1
    assert sum(map(len, parts)) == 200
