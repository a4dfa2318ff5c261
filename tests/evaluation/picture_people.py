"""Made-up labelled people and predictions of them, as nouns: a picture a person unless said otherwise."""

from __future__ import annotations

import numpy as np
import torch

from lift3d.datasets.labelled_pictures import LabelledPeople, LabelledPictures
from lift3d.evaluation import PredictedPeople
from lift3d.skeletons import get_skeleton


def labels(pixels, skeleton="mpii16", picture=None, **more) -> LabelledPictures:
    """Labels of pixels (people, joints, 2); boxes are those of the joints."""
    pixels = np.asarray(pixels, dtype=float)
    low, high = np.nanmin(pixels, 1), np.nanmax(pixels, 1)
    place = np.arange(len(pixels)) if picture is None else np.asarray(picture)
    people = LabelledPeople.of(place, np.concatenate([low, high - low], axis=1), pixels, **more)
    names = [f"{number}.png" for number in range(int(place.max()) + 1)]
    return LabelledPictures(get_skeleton(skeleton), people, names, lambda _: torch.zeros(1))


def predictions(pixels, skeleton="mpii16", picture=None, scores=None, rows=None) -> PredictedPeople:
    pixels = torch.as_tensor(np.asarray(pixels, dtype=float))
    missing = torch.isnan(pixels).any(-1)
    return PredictedPeople(
        torch.arange(len(pixels)) if picture is None else torch.as_tensor(picture),
        pixels,
        torch.ones(pixels.shape[:2], dtype=torch.float64).masked_fill(missing, 0.0),
        torch.ones(len(pixels), dtype=torch.float64) if scores is None else torch.as_tensor(scores).double(),
        get_skeleton(skeleton),
        None if rows is None else torch.as_tensor(rows),
    )


def people_at(count, joints=16, seed=0, low=0.0, high=400.0):
    return np.random.default_rng(seed).uniform(low, high, (count, joints, 2))
