"""The Camera and CameraRig nouns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d.errors import InputError, ShapeError, UnknownNameError
from lift3d.geometry.distortion import COEFFICIENTS, Lens
from lift3d.geometry.projection import camera_to_pixels, pixels_to_plane, world_to_camera

__all__ = ["Camera", "CameraRig", "Lens"]


@dataclass(frozen=True, eq=False)
class Camera:
    """A calibrated camera, or a batch of them: every field has the same leading ``*batch`` axes.

    Build one from plain numbers with :meth:`Camera.of`.

    Args:
        intrinsics: upper triangular, pixels; the centre of the top-left pixel is (0, 0).
        distortion: coefficients of the lens model, filled up with zeros (see ``lift3d.geometry.distortion``).
        rotation, translation: ``x_camera = R @ x_world + t``, metres; camera x right, y down, z forward.
        image_size: width and height in pixels; NaN where not known.
        lens: code of the distortion model, :class:`Lens`.

    Raises:
        ShapeError: shapes do not fit together.
        InputError: the intrinsics are not upper triangular with positive focal lengths, or the rotation is none.
    """

    intrinsics: Float[Tensor, "*batch 3 3"]
    distortion: Float[Tensor, "*batch 8"]
    rotation: Float[Tensor, "*batch 3 3"]
    translation: Float[Tensor, "*batch 3"]
    image_size: Float[Tensor, "*batch 2"]
    lens: Int[Tensor, "*batch"]

    def __post_init__(self) -> None:
        batch = tuple(self.lens.shape)
        shapes = {"intrinsics": (3, 3), "distortion": (COEFFICIENTS,), "rotation": (3, 3), "translation": (3,)}
        for name, tail in {**shapes, "image_size": (2,)}.items():
            shape = tuple(getattr(self, name).shape)
            if shape != batch + tail:
                raise ShapeError(f"Camera.{name}", shape, str(batch + tail), "All fields share the batch axes of lens.")
        self._check_values()

    def _check_values(self) -> None:
        k = self.intrinsics.detach()
        below = torch.stack([k[..., 1, 0], k[..., 2, 0], k[..., 2, 1]]).abs()
        if bool((below > 1e-6).any()):
            raise InputError("Camera.intrinsics is not upper triangular; transpose it if it came from MATLAB.")
        if not bool((torch.stack([k[..., 0, 0], k[..., 1, 1]]) > 0).all()):
            raise InputError("Camera.intrinsics has a focal length that is not positive.")
        r = self.rotation.detach()
        identity = torch.eye(3, dtype=r.dtype, device=r.device)
        if not bool(((r @ r.mT - identity).abs() < 1e-3).all() & (torch.linalg.det(r) > 0).all()):
            raise InputError("Camera.rotation is not a rotation: R @ R.T differs from 1, or det(R) is negative.")

    @classmethod
    def of(
        cls,
        intrinsics: Any,
        distortion: Any = (),
        rotation: Any = None,
        translation: Any = None,
        image_size: Any = (math.nan, math.nan),
        lens: Lens | int = Lens.BROWN_CONRADY,
        dtype: torch.dtype = torch.float64,
    ) -> Camera:
        """One camera from lists, numpy arrays or tensors.

        Args:
            intrinsics: 3 x 3.
            distortion: 0 to 8 coefficients in the order of the lens model.
            rotation: 3 x 3, world to camera; the identity by default.
            translation: 3, metres; zero by default.
            image_size: width, height; NaN where not known.
            lens: the distortion model.
            dtype: of all fields.

        Raises:
            ShapeError, InputError: the numbers are no camera.
        """
        numbers = torch.as_tensor(distortion, dtype=dtype).reshape(-1)
        if bool((numbers[COEFFICIENTS:] != 0).any()):
            raise ShapeError(
                "distortion", tuple(numbers.shape), f"at most {COEFFICIENTS} coefficients",
                "Thin-prism and tilted lenses are not supported; calibrate again with the rational model.",
            )  # fmt: skip
        padded = torch.zeros(COEFFICIENTS, dtype=dtype)
        padded[: len(numbers)] = numbers[:COEFFICIENTS]
        return cls(
            intrinsics=torch.as_tensor(intrinsics, dtype=dtype),
            distortion=padded,
            rotation=torch.eye(3, dtype=dtype) if rotation is None else torch.as_tensor(rotation, dtype=dtype),
            translation=torch.zeros(3, dtype=dtype)
            if translation is None
            else torch.as_tensor(translation, dtype=dtype).reshape(-1),
            image_size=torch.as_tensor(image_size, dtype=dtype).reshape(-1),
            lens=torch.tensor(int(lens)),
        )

    @classmethod
    def assumed(cls, image_size: Sequence[float], field_of_view_deg: float = 50.0) -> Camera:
        """A pinhole for pictures of an unknown camera.

        Args:
            image_size: width, height in pixels.
            field_of_view_deg: angle that the longer side of the picture spans; 50 degrees is typical of a phone
                filming or of a 35 to 40 mm lens on full frame.
        """
        width, height = (float(side) for side in image_size)
        focal = max(width, height) / 2 / math.tan(math.radians(field_of_view_deg) / 2)
        centre = (width - 1) / 2, (height - 1) / 2
        return cls.of([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]], image_size=(width, height))

    @property
    def centre(self) -> Float[Tensor, "*batch 3"]:
        """Where the camera stands in the world, metres: ``-R.T @ t``."""
        return -(self.rotation.mT @ self.translation[..., None])[..., 0]

    def __getitem__(self, index: Any) -> Camera:
        """A part of a batch of cameras."""
        return Camera(**{name: getattr(self, name)[index] for name in self.__dataclass_fields__})

    def to(self, *args: Any, **kwargs: Any) -> Camera:
        """The camera with its floating-point fields converted, and all fields moved, as by ``Tensor.to``."""
        fields = {name: getattr(self, name).to(*args, **kwargs) for name in self.__dataclass_fields__}
        fields["lens"] = self.lens.to(fields["rotation"].device)
        return Camera(**fields)

    def world_to_camera(self, points_world: Float[Tensor, "*batch points 3"]) -> Float[Tensor, "*batch points 3"]:
        """Points of the world in the camera frame, metres."""
        return world_to_camera(points_world, self.rotation, self.translation)

    def camera_to_world(self, points_camera: Float[Tensor, "*batch points 3"]) -> Float[Tensor, "*batch points 3"]:
        """Points of the camera frame in the world, metres; the inverse of :meth:`world_to_camera`."""
        return (points_camera - self.translation[..., None, :]) @ self.rotation

    def project(self, points_world: Float[Tensor, "*batch points 3"]) -> Float[Tensor, "*batch points 2"]:
        """Distorted pixels of points of the world; NaN for missing points and those behind the camera."""
        return self.project_camera(self.world_to_camera(points_world))

    def project_camera(self, points_camera: Float[Tensor, "*batch points 3"]) -> Float[Tensor, "*batch points 2"]:
        """Distorted pixels of points in the camera frame; NaN for missing points and those behind the camera."""
        return camera_to_pixels(points_camera, self.intrinsics, self.distortion, self.lens)

    def normalise(self, pixels: Float[Tensor, "*batch points 2"]) -> Float[Tensor, "*batch points 2"]:
        """Points (x/z, y/z) of the camera frame's plane z = 1 that distorted pixels see; NaN where missing."""
        return pixels_to_plane(pixels, self.intrinsics, self.distortion, self.lens)

    def undistort(self, pixels: Float[Tensor, "*batch points 2"]) -> Float[Tensor, "*batch points 2"]:
        """Where distorted pixels would lie if the lens were a pinhole of the same intrinsics; NaN where missing."""
        plane = self.normalise(pixels)
        return plane @ self.intrinsics[..., :2, :2].mT + self.intrinsics[..., None, :2, 2]

    def undistorted(self) -> Camera:
        """The camera without its lens distortion: the one that sees the pixels of :meth:`undistort`."""
        return replace(
            self, distortion=torch.zeros_like(self.distortion), lens=torch.full_like(self.lens, Lens.BROWN_CONRADY)
        )

    def cropped(self, left: float, top: float, width: float, height: float) -> Camera:
        """The camera of a picture cut out at (left, top): ``pixel_new = pixel_old - (left, top)``."""
        intrinsics = self.intrinsics.clone()
        intrinsics[..., :2, 2] -= self._like((left, top))
        return replace(self, intrinsics=intrinsics, image_size=self._like((width, height)).expand_as(self.image_size))

    def resized(self, scale: float | tuple[float, float]) -> Camera:
        """The camera of a picture scaled by a factor (or one for x and one for y).

        Pixel edges, not centres, stay in place: ``pixel_new = (pixel_old + 0.5) * scale - 0.5``.
        """
        factor = self._like(scale if isinstance(scale, tuple) else (scale, scale))
        intrinsics = self.intrinsics.clone()
        intrinsics[..., :2, :] *= factor[:, None]
        intrinsics[..., :2, 2] += 0.5 * factor - 0.5
        return replace(self, intrinsics=intrinsics, image_size=self.image_size * factor)

    def _like(self, numbers: Sequence[float]) -> Tensor:
        return torch.tensor(numbers, dtype=self.intrinsics.dtype, device=self.intrinsics.device)


@dataclass(frozen=True, eq=False)
class CameraRig:
    """Named cameras that share one world.

    Args:
        names: one a camera, all different.
        cameras: a :class:`Camera` whose fields have one leading axis, the cameras.
        up: the axis of the world that points up: ``"+x"``, ``"-x"``, ``"+y"``, ``"-y"``, ``"+z"`` or ``"-z"``.

    Raises:
        InputError: names repeat or their number is not that of the cameras, or the axis is unknown.
    """

    names: tuple[str, ...]
    cameras: Camera
    up: str = "+z"

    def __post_init__(self) -> None:
        if tuple(self.cameras.lens.shape) != (len(self.names),):
            raise ShapeError(
                "CameraRig.cameras", tuple(self.cameras.lens.shape), f"one axis of {len(self.names)} names"
            )
        if len(set(self.names)) != len(self.names):
            raise InputError(f"CameraRig: camera names repeat: {', '.join(self.names)}.")
        check_up(self.up)

    @classmethod
    def of(cls, cameras: dict[str, Camera], up: str = "+z") -> CameraRig:
        """A rig of single cameras by name.

        Raises:
            InputError: there are none.
        """
        if not cameras:
            raise InputError("CameraRig: no cameras were given; expected at least one.")
        fields = {
            name: torch.stack([getattr(camera, name) for camera in cameras.values()])
            for name in Camera.__dataclass_fields__
        }
        return cls(tuple(cameras), Camera(**fields), up)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, name: str) -> Camera:
        """One camera by name.

        Raises:
            UnknownNameError: there is no such camera.
        """
        if name not in self.names:
            raise UnknownNameError("camera", name, self.names)
        return self.cameras[self.names.index(name)]

    def only(self, names: Iterable[str]) -> CameraRig:
        """The rig of the named cameras, in the order given.

        Raises:
            UnknownNameError: a camera is not of this rig.
        """
        return CameraRig.of({name: self[name] for name in names}, self.up)

    def to(self, *args: Any, **kwargs: Any) -> CameraRig:
        """The rig converted or moved as by ``Tensor.to``."""
        return replace(self, cameras=self.cameras.to(*args, **kwargs))

    def project(self, points_world: Float[Tensor, "*points 3"]) -> Float[Tensor, "cameras *points 2"]:
        """Distorted pixels of the world's points in every camera; NaN where missing or behind a camera."""
        flat = points_world.reshape(1, -1, 3).expand(len(self), -1, 3)
        return self.cameras.project(flat).reshape(len(self), *points_world.shape[:-1], 2)

    def normalise(self, pixels: Float[Tensor, "cameras *points 2"]) -> Float[Tensor, "cameras *points 2"]:
        """Points of each camera's plane z = 1 that its distorted pixels see; NaN where missing."""
        return self.cameras.normalise(pixels.reshape(len(self), -1, 2)).reshape(pixels.shape)


def check_up(up: str) -> None:
    """Refuse a name that is no axis."""
    if up not in ("+x", "-x", "+y", "-y", "+z", "-z"):
        raise UnknownNameError("axis", up, ["+x", "-x", "+y", "-y", "+z", "-z"])
