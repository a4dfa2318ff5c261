"""The cube of space around a person that is cut into cells (Iskakov et al., ICCV 2019, section 3.2).

Of n cells along an axis the first and the last lie on the cube's faces: cell i is at ``side (i / (n - 1) - 1/2)`` from
the centre, along the cube's own axes. Any unit, as long as the cameras have the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.errors import InputError
from lift3d.geometry.rotations import rotvec_to_matrix

__all__ = ["Cuboid"]


@dataclass(frozen=True, eq=False)
class Cuboid:
    """One cube for each sample of a batch, all of one size. Make it with :meth:`of`.

    Args:
        centre: in the world.
        side: in the world's unit, between the middles of the first and the last cell.
        cells: along each axis.
        rotation: from the cube's axes to the world's.

    Raises:
        InputError: the side is not above 0, or there are fewer than two cells.
    """

    centre: Float[Tensor, "batch 3"]
    side: float
    cells: int
    rotation: Float[Tensor, "batch 3 3"]

    def __post_init__(self) -> None:
        if not self.side > 0 or self.cells < 2:
            raise InputError(
                f"A cuboid has side={self.side} and cells={self.cells}; expected a side above 0 and at least 2 cells."
            )

    @staticmethod
    def of(
        centre: Float[Tensor, "batch 3"],
        side: float,
        cells: int,
        angle: Float[Tensor, "batch"] | None = None,
        axis: tuple[float, ...] = (0.0, 0.0, 1.0),
    ) -> Cuboid:
        """Cubes around the centres, each turned by its angle (radians; by default not at all) about an axis.

        Raises:
            InputError: as above, or the axis has no direction.
        """
        length = math.hypot(*axis)
        if len(axis) != 3 or not length > 0:
            raise InputError(f"The axis that a cuboid is turned about is {axis}; expected a direction (x, y, z).")
        angle = centre.new_zeros(len(centre)) if angle is None else angle
        return Cuboid(centre, side, cells, rotvec_to_matrix(angle[:, None] * (centre.new_tensor(axis) / length)))

    @property
    def spacing(self) -> float:
        """From one cell to the next, in the world's unit."""
        return self.side / (self.cells - 1)

    def positions(self) -> Float[Tensor, "batch cells cells cells 3"]:
        """Where the cells are in the world; volume axes are the cube's x, y and z."""
        steps = torch.arange(self.cells, dtype=self.centre.dtype, device=self.centre.device)
        grid = torch.stack(torch.meshgrid(steps, steps, steps, indexing="ij"), dim=-1)
        flat = self.to_world(grid.reshape(1, -1, 3).expand(len(self.centre), -1, -1))
        return flat.unflatten(1, (self.cells,) * 3)

    def to_world(self, places: Float[Tensor, "batch points 3"]) -> Float[Tensor, "batch points 3"]:
        """Positions in the world of places counted in cells along the cube's x, y and z; cell 0 is at 0."""
        from_centre = places * self.spacing - self.side / 2
        return from_centre @ self.rotation.mT + self.centre[:, None]

    def to_cells(self, positions: Float[Tensor, "batch points 3"]) -> Float[Tensor, "batch points 3"]:
        """The inverse of :meth:`to_world`; a position in the cube has places from 0 to ``cells - 1``."""
        from_centre = (positions - self.centre[:, None]) @ self.rotation
        return (from_centre + self.side / 2) / self.spacing
