"""A training run from its settings to the file of weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tomli_w

from lift3d._files import writing
from lift3d.checkpoints import save_network
from lift3d.errors import SettingsError, UnknownNameError
from lift3d.training.detector_settings import DetectorTraining
from lift3d.training.lifter_settings import LifterTraining
from lift3d.training.rig_settings import RigTraining
from lift3d.training.self_training import teach_detector
from lift3d.training.train_detector import TrainedDetector, train_detector
from lift3d.training.train_lifter import TrainedLifter, train_lifter
from lift3d.training.train_triangulator import TrainedTriangulator, train_triangulator
from lift3d.training.triangulator_settings import TriangulatorTraining

__all__ = ["run_training"]


def run_training(tables: Mapping[str, Any], folder: str | Path, where: str = "settings") -> Path:
    """Train what the tables say; returns the file of weights.

    Args:
        tables: the settings; ``kind`` says which: ``"lifter"``, ``"detector"``, ``"rig"`` or
            ``"triangulator"``.
        folder: of the run; a run that was interrupted there goes on.
        where: how error texts call the settings.

    Raises:
        SettingsError: a setting is unknown, missing or of a wrong type.
        FileError: the data cannot be read, or the folder holds another run.
    """
    if "kind" not in tables:
        raise SettingsError(f"{where}: the setting 'kind' is missing; it says what is trained, such as \"lifter\".")
    if tables["kind"] not in _KINDS:
        raise UnknownNameError("kind of training", tables["kind"], _KINDS)
    return _KINDS[tables["kind"]](tables, Path(folder), where)


def _lifter(tables: Mapping[str, Any], folder: Path, where: str) -> Path:
    settings = LifterTraining.of(tables, where)
    _keep(settings.tables(), folder)
    trained = train_lifter(settings, folder)
    return _saved(trained, settings, folder, input_skeleton=trained.input_skeleton, encoding=trained.encoding.table())


def _detector(tables: Mapping[str, Any], folder: Path, where: str) -> Path:
    settings = DetectorTraining.of(tables, where)
    _keep(settings.tables(), folder)
    return _saved(train_detector(settings, folder), settings, folder, encoding=settings.reading.table())


def _rig(tables: Mapping[str, Any], folder: Path, where: str) -> Path:
    settings = RigTraining.of(tables, where)
    _keep(settings.tables(), folder)
    taught = teach_detector(settings, folder)
    weights, own = folder / "weights.safetensors", taught.checkpoint
    about = {**own.extra, "trained_on": taught.trained_on, "figures": json.dumps(taught.figures)}
    if settings.data.licence:
        about["licence"] = settings.data.licence
    save_network(
        weights, own.network, own.settings, own.name, own.skeleton, about, half=True,
        input_skeleton=own.input_skeleton, encoding=own.encoding,
    )  # fmt: skip
    return weights


def _triangulator(tables: Mapping[str, Any], folder: Path, where: str) -> Path:
    settings = TriangulatorTraining.of(tables, where)
    _keep(settings.tables(), folder)
    return _saved(train_triangulator(settings, folder), settings, folder)


_KINDS: dict[str, Callable[[Mapping[str, Any], Path, str], Path]] = {
    "lifter": _lifter,
    "detector": _detector,
    "rig": _rig,
    "triangulator": _triangulator,
}


def _saved(
    trained: TrainedLifter | TrainedDetector | TrainedTriangulator,
    settings: LifterTraining | DetectorTraining | TriangulatorTraining,
    folder: Path,
    **more: Any,
) -> Path:
    """Write what was trained beside its run; returns the file."""
    weights, network = folder / "weights.safetensors", settings.network
    about = {"trained_on": trained.trained_on, "licence": settings.data.licence}
    save_network(
        weights, trained.network, network.settings, network.name, trained.skeleton, about, half=True, **more
    )  # fmt: skip
    return weights


def _keep(tables: Mapping[str, Any], folder: Path) -> None:
    """The settings beside the run, complete."""
    with writing(folder / "settings.toml") as path:
        path.write_text(tomli_w.dumps(tables), encoding="utf-8")
