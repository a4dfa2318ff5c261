"""Body models: those that come with lift3d, by name, and users' own, by path."""

from __future__ import annotations

from pathlib import Path

from lift3d.bodies import BodyModel
from lift3d.errors import UnknownNameError
from lift3d.formats._dispatch import _read, _write
from lift3d.formats._safe_npz import read_numbers

__all__ = ["body_genders", "body_names", "read_body", "write_body"]

_SHIPPED = Path(__file__).parents[1] / "data" / "bodies"


def body_names() -> list[str]:
    """Names of the body models that come with lift3d."""
    return sorted(path.stem for path in _SHIPPED.glob("*.npz"))


def body_genders(name: str) -> list[str]:
    """Genders of a body model that comes with lift3d.

    Raises:
        UnknownNameError: there is no such model.
    """
    if name not in body_names():
        raise UnknownNameError("body model", name, body_names())
    return read_numbers(_SHIPPED / f"{name}.npz", ("genders",))["genders"].tolist()


def read_body(
    path: str | Path = "makehuman",
    format: str | None = None,  # noqa: A002
    gender: str | None = None,
) -> BodyModel:
    """A body model, float32, in metres; nothing in the file is run.

    Args:
        path: a name of ``body_names``, or a file: lift3d's own, or an SMPL, SMPL-H or SMPL-X model of the user's as
            .npz or .pkl; ``write_body`` makes lift3d's own of it once, which is smaller and reads faster.
        format: name of the format; by default found out from the file.
        gender: ``"neutral"``, ``"male"`` or ``"female"``, of a file with several; neutral by default.

    Raises:
        FileError: no format fits, the file is damaged or asks to run code, or there is no body of that gender.
        UnknownNameError: there is no such name or format.
    """
    options = {} if gender is None else {"gender": gender}
    if str(path) in body_names():
        return _read(_SHIPPED / f"{path}.npz", BodyModel, None, **options)
    if not Path(path).suffix and not Path(path).exists():
        raise UnknownNameError("body model", str(path), body_names())
    return _read(Path(path), BodyModel, format, **options)


def write_body(model: BodyModel, path: str | Path, format: str | None = None) -> None:  # noqa: A002
    """Write a body model as float32; the format follows from ``format``, else from the suffix. Whole or not at all."""
    _write(model, Path(path), BodyModel, format)
