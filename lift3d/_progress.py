"""A progress bar for work that may take long: it appears only once the work has taken two seconds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

__all__ = ["progress"]

Item = TypeVar("Item")


def progress(items: Iterable[Item], doing: str, unit: str, total: int | None = None) -> Iterable[Item]:
    """The items, with a bar on the standard error that goes away when they are done.

    Args:
        items: what is gone through.
        doing: what is being done, such as ``"triangulating"``.
        unit: what an item is, such as ``"frame"``.
        total: how many there are, where the items do not know.
    """
    return tqdm(items, desc=doing, unit=f" {unit}s", total=total, delay=2, leave=False)
