"""Bodies fitted to whatever was seen, in one line, for notebooks and the command line."""

from __future__ import annotations

from pathlib import Path

from lift3d.bodies import BodyModel
from lift3d.cameras import Camera, CameraRig
from lift3d.errors import InputError
from lift3d.fitting.fit_body import fit_body
from lift3d.fitting.fit_view import ONE_VIEW, fit_view
from lift3d.fitting.fit_views import fit_views
from lift3d.fitting.result import BodyFit
from lift3d.fitting.settings import FitSettings
from lift3d.formats import read_body
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D

__all__ = ["fit"]


def fit(
    seen: Poses3D | Keypoints2D,
    body: BodyModel | str | Path = "makehuman",
    gender: str | None = None,
    settings: FitSettings | None = None,
    cameras: CameraRig | Camera | None = None,
) -> BodyFit:
    """Bodies with a shape from 3D joints, or from the 2D joints of several cameras or one; one shape a person.

        found = lift3d.fit(poses)                        # triangulated or lifted
        found = lift3d.fit(keypoints, cameras=rig)       # straight to what the cameras saw: more exact
        found = lift3d.fit(keypoints.only(["left"]))     # one camera
        print(found.summary())
        found.show()

    Args:
        seen: 3D joints in metres, or 2D joints in distorted pixels; on any known skeleton.
        body: a name of a body that comes with lift3d, a file, or a model that has been read.
        gender: ``"neutral"``, ``"male"`` or ``"female"``, of a body with several; neutral by default.
        settings: of the fit; by default those of ``fit_body``, ``fit_views`` or ``fit_view``.
        cameras: that saw the 2D joints; a rig, of which they are taken by name, or the one camera. Bodies are in the
            rig's world, else in the camera's frame. One camera may be left out if the image size is known.

    Raises:
        FileError, UnknownNameError: there is no such body, or no such camera.
        InputError: nobody is seen in any frame, or the body has too few of the skeleton's joints; or the cameras do
            not go with what was seen.
    """
    model = body if isinstance(body, BodyModel) else read_body(body, gender=gender)
    if isinstance(seen, Poses3D):
        if cameras is not None:
            raise InputError("fit: 3D joints are fitted without cameras; leave them out, or pass the 2D joints.")
        return fit_body(seen, model, settings)
    if len(seen.pixels) > 1:
        if not isinstance(cameras, CameraRig):
            raise InputError(
                f"fit: the 2D joints are of {len(seen.camera_names)} cameras; pass their calibration (cameras=rig), or "
                "choose one camera with keypoints.only([name])."
            )
        return fit_views(seen, cameras, model, settings)
    if isinstance(cameras, CameraRig):
        own = cameras[seen.camera_names[0]]
        return fit_view(seen, model, own, settings or ONE_VIEW, world_up=cameras.up)
    return fit_view(seen, model, cameras, settings or ONE_VIEW)
