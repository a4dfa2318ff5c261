"""The rig that all calibrations in tests/golden/calibration hold, and what tests need to compare with it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from lift3d.cameras import Camera, CameraRig
from lift3d.errors import FileError
from lift3d.formats import read_cameras
from lift3d.formats._dispatch import _candidates

GOLDEN = Path(__file__).parents[1] / "golden" / "calibration"
TRUTH = {key: torch.from_numpy(value) for key, value in np.load(GOLDEN / "truth.npz").items()}
NAMES = tuple(f"cam_{index}" for index in range(4))


def truth_rig(scale: float = 1.0) -> CameraRig:
    """The true rig, whole lengths times ``scale``."""
    return CameraRig.of(
        {
            name: Camera.of(
                TRUTH["K"][i], TRUTH["D"][i], TRUTH["R"][i], TRUTH["t"][i] * scale, image_size=TRUTH["size"][i]
            )
            for i, name in enumerate(NAMES)
        }
    )


def off_by(rig: CameraRig) -> float:
    """Largest distance in pixels between the rig's and the true pixels of the true points."""
    return float((rig.project(TRUTH["X"]) - TRUTH["px"]).norm(dim=-1).max())


def edited(source: str, target: Path, *changes: tuple[str, str]) -> Path:
    """A copy of a sample with texts replaced, each of which must be there."""
    text = (GOLDEN / source).read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    return target


def formats_of(path: Path) -> list[str]:
    """Names of the formats that recognise a path as a calibration."""
    return [entry.name for entry in _candidates(path, CameraRig)]


def outcome(path: Path, name: str) -> tuple[str, ...]:
    """Names of the cameras read, none if the file is refused; any other exception ends the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return read_cameras(path, format=name).names
        except FileError as error:
            text = str(error)
    assert "\n" not in text
    return ()


def damaged(content: bytes) -> Iterator[bytes]:
    """The content of a file cut short at many places, then with single bytes changed."""
    generator = np.random.default_rng(0)
    yield from (content[:end] for end in np.linspace(0, len(content) - 1, 30).astype(int))
    for _ in range(30):
        changed = bytearray(content)
        changed[generator.integers(len(content))] = generator.integers(256)
        yield bytes(changed)
