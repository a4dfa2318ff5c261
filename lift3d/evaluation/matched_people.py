"""Who answers whom: one prediction for each labelled person, for metrics that know nothing of scores."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.datasets.labelled_pictures import LabelledPictures
from lift3d.errors import ShapeError
from lift3d.evaluation.predicted_people import PredictedPeople

__all__ = ["matched_pixels"]


def matched_pixels(
    labelled: LabelledPictures, predicted: PredictedPeople
) -> tuple[Float[Tensor, "people joints 2"], str]:
    """The predicted joints of each labelled person, and a line that says how they were matched.

    By the rows that the predictions name; else, in each picture, the two that are nearest by the mean distance of the
    joints that both have, then the next two, until one side has nobody left. The second way never takes a person for
    another where each is alone in the picture; in a crowd it favours the predictions.

    Returns:
        Pixels, NaN where a joint or a person was not found.

    Raises:
        ShapeError: the joints are not those of the labels.
    """
    if len(predicted.skeleton) != len(labelled.skeleton):
        raise ShapeError("predicted.pixels", tuple(predicted.pixels.shape), f"joints of {labelled.skeleton.name!r}")
    truth = labelled.people.pixels.double()
    found = torch.full_like(truth, torch.nan)
    if predicted.rows is not None:
        surest_last = torch.argsort(predicted.scores, stable=True)
        for row, place in zip(predicted.rows[surest_last].tolist(), surest_last.tolist(), strict=True):
            found[row] = predicted.pixels[place].double()
        return found, "each prediction names the labelled person that it answers"
    contested = False
    rows_of = _grouped(torch.tensor([labelled.picture_id(number) for number in labelled.people.picture.tolist()]))
    places_of = _grouped(predicted.picture_ids)
    for number, rows in rows_of.items():
        places = places_of.get(number, [])
        contested |= len(rows) > 1 or len(places) > 1
        for row, place in _nearest_pairs(truth[rows], predicted.pixels[places].double()):
            found[rows[row]] = predicted.pixels[places[place]].double()
    alone = "each picture has one labelled and at most one predicted person"
    crowd = "each labelled person is answered by the nearest prediction of the picture, which favours the predictions"
    return found, crowd if contested else alone


def _grouped(picture_ids: Tensor) -> dict[int, list[int]]:
    groups: dict[int, list[int]] = {}
    for place, number in enumerate(picture_ids.tolist()):
        groups.setdefault(number, []).append(place)
    return groups


def _nearest_pairs(truth: Tensor, prediction: Tensor) -> list[tuple[int, int]]:
    """(labelled, predicted) pairs, nearest first, each at most once; those without a joint in common are no pair."""
    distances = (truth[:, None] - prediction[None]).norm(dim=-1).nanmean(-1)
    columns = distances.shape[1]
    pairs, rows, places = [], set(), set()
    for number in torch.argsort(distances.flatten(), stable=True).tolist():  # NaN comes last
        row, place = divmod(number, columns)
        if row in rows or place in places or torch.isnan(distances[row, place]):
            continue
        pairs.append((row, place))
        rows.add(row)
        places.add(place)
    return pairs
