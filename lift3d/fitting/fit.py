"""A body fitted to poses in one line, for notebooks and the command line."""

from __future__ import annotations

from pathlib import Path

from lift3d.bodies import BodyModel
from lift3d.fitting.fit_body import fit_body
from lift3d.fitting.result import BodyFit
from lift3d.fitting.settings import FitSettings
from lift3d.formats import read_body
from lift3d.poses import Poses3D

__all__ = ["fit"]


def fit(
    poses: Poses3D,
    body: BodyModel | str | Path = "makehuman",
    gender: str | None = None,
    settings: FitSettings | None = None,
) -> BodyFit:
    """Bodies with a shape from 3D joints; one shape a person for the whole sequence.

        found = lift3d.fit(poses)
        print(found.summary())
        found.show()

    Args:
        poses: metres, on any known skeleton.
        body: a name of a body that comes with lift3d, a file, or a model that has been read.
        gender: ``"neutral"``, ``"male"`` or ``"female"``, of a body with several; neutral by default.
        settings: of the fit.

    Raises:
        FileError, UnknownNameError: there is no such body.
        InputError: nobody is seen in any frame, or the body has too few of the skeleton's joints.
    """
    model = body if isinstance(body, BodyModel) else read_body(body, gender=gender)
    return fit_body(poses, model, settings)
