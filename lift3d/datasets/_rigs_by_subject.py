"""The cameras that filmed each subject: Human3.6M was calibrated anew for every one."""

from __future__ import annotations

from pathlib import Path

from lift3d.cameras import Camera, CameraRig
from lift3d.errors import FileError
from lift3d.formats import read_cameras

__all__ = ["RigsBySubject"]


class RigsBySubject:
    """Reads the rig of each subject once.

    Args:
        source: a rig that filmed everyone; a calibration of one rig, or of one a subject; or a folder of calibrations
            called after the subjects.
    """

    def __init__(self, source: str | Path | CameraRig) -> None:
        self.source = source
        self._rigs: dict[str, CameraRig] = {}

    def __call__(self, subject: str) -> CameraRig:
        """The rig of a subject.

        Raises:
            FileError: the calibration cannot be read, or has no such subject.
        """
        if isinstance(self.source, CameraRig):
            return self.source
        if subject not in self._rigs:
            self._rigs[subject] = _read(Path(self.source), subject)
        return self._rigs[subject]

    def camera(self, subject: str, camera: str | int, cameras: int | None = None) -> tuple[str, Camera]:
        """Name and camera, by name or by place in the rig.

        Args:
            subject: whose rig.
            camera: name or place.
            cameras: how many the data says there are; None where it does not say.

        Raises:
            FileError: the rig has another number of cameras, or none of that name.
        """
        rig = self(subject)
        where = "the rig" if isinstance(self.source, CameraRig) else str(self.source)
        if cameras is not None and len(rig) != cameras:
            names = ", ".join(rig.names)
            problem = f"has {len(rig)} cameras ({names}) for subject {subject}; the data has {cameras}"
            raise FileError(where, problem, "Pass the calibration of this data set.")
        name = rig.names[camera] if isinstance(camera, int) else camera
        if name not in rig.names:
            raise FileError(
                where, f"has no camera {name!r}; it has {', '.join(rig.names)}", "Pass another calibration."
            )
        return name, rig[name]


def _read(path: Path, subject: str) -> CameraRig:
    if path.is_dir():
        own = sorted(one for one in path.iterdir() if one.stem == subject)
        if own:
            return read_cameras(own[0])
    try:
        return read_cameras(path, subject=subject)
    except FileError as error:
        try:
            return read_cameras(path)  # of the formats that hold one rig only
        except FileError:
            raise error from None
