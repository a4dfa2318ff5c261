"""Pictures of a folder, read one at a time by their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from lift3d.errors import FileError

__all__ = ["PictureFiles", "read_picture"]


def read_picture(path: Path) -> Tensor:
    """A picture as stored, (height, width, 3) uint8 RGB; a note on how to turn it (EXIF) is not followed.

    Raises:
        FileError: it is missing or damaged.
    """
    try:
        with Image.open(path) as image:
            return torch.from_numpy(np.array(image.convert("RGB")))
    except FileNotFoundError as error:
        raise FileError(path, "there is no such picture", "Check the folder of pictures (images=...).") from error
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:
        raise FileError(path, f"cannot be read as a picture ({error})", "It may be cut short.") from error


class PictureFiles:
    """Reads the picture of a number.

    Args:
        folder: where the pictures are; None where nobody said.
        names: their paths within it.
        labels: the file of labels, for the error.
    """

    def __init__(self, folder: Path | None, names: Sequence[str], labels: Path) -> None:
        self.folder, self.names, self.labels = folder, names, labels
        if folder is not None and not folder.is_dir():
            raise FileError(folder, "is no folder", "Pass the folder of pictures (images=...).")
        if folder is not None and len(names) and not (folder / names[0]).exists():
            raise FileError(folder, f"does not hold {names[0]}", f"Pass the folder of the pictures of {labels.name}.")

    def __call__(self, picture: int) -> Tensor:
        if self.folder is None:
            raise FileError(self.labels, "nobody said where its pictures are", "Pass their folder (images=...).")
        return read_picture(self.folder / self.names[picture])
