"""Grouping by part affinity fields as OpenPose describes it, in plain NumPy, on maps of any size: the reference.

Peaks are cells higher than their four neighbours, limbs are scored at the nearest cells.
"""

import numpy as np

from lift3d.detection.part_grouping import BODY18_LIMBS
from lift3d.skeletons import get_skeleton


def group(heatmaps, fields):
    """(people, 20): peak of each joint or -1, score, joints; and (peaks, 3): x, y, height.

    Maps are (rows, columns, n).
    """
    peaks, of_joint = [], []
    for joint in range(18):
        found = _peaks(heatmaps[:, :, joint])
        of_joint.append(np.arange(len(found)) + len(peaks))
        peaks.extend(found)
    peaks, people, skeleton = np.array(peaks).reshape(-1, 3), [], get_skeleton("body18")
    for place, limb in enumerate(BODY18_LIMBS):
        first, second = skeleton.indices(limb.start, limb.end)
        for a, b, score in _limbs(peaks, of_joint[first], of_joint[second], fields[:, :, limb.channel :][:, :, :2]):
            if limb.trusting:
                for person in people:
                    if person[first] == a and person[second] < 0:
                        person[second] = b
                    elif person[second] == b and person[first] < 0:
                        person[first] = a
                continue
            owners = [person for person in people if place and person[first] == a]
            for person in owners:
                person[second] = b
                person[-2:] += [peaks[b, 2] + score, 1]
            if not owners:
                person = np.full(20, -1.0)
                person[[first, second]] = a, b
                person[-2:] = peaks[a, 2] + peaks[b, 2] + score, 2
                people.append(person)
    kept = [person for person in people if person[-1] >= 3 and person[-2] / person[-1] >= 0.2]
    return np.array(kept).reshape(-1, 20), peaks


def _peaks(own):
    padded = np.pad(np.where(own < 0.1, 0, own), 1)
    middle = padded[1:-1, 1:-1]
    higher = [middle > other for other in (padded[1:-1, 2:], padded[1:-1, :-2], padded[2:, 1:-1], padded[:-2, 1:-1])]
    rows, columns = np.nonzero(np.logical_and.reduce(higher))
    kept = []
    for x, y in sorted(zip(columns, rows, strict=True)):
        if all(np.hypot(x - other[0], y - other[1]) >= 6 for other in kept):
            kept.append((x, y, own[y, x]))
    return kept


def _limbs(peaks, starts, ends, field):
    if not len(starts) or not len(ends):
        return
    a, b = peaks[starts][:, None, :2], peaks[ends][None, :, :2]
    along = (b - a)[:, :, None]
    points = np.round(a[:, :, None] + along * np.arange(10)[:, None] / 9).astype(int)
    unit = along / (np.linalg.norm(along, axis=-1, keepdims=True) + 1e-6)
    values = (field[points[..., 1], points[..., 0]] * unit).sum(-1)
    counts = (values > 0.05).sum(-1)
    scores = (values * (values > 0.05)).sum(-1) / (counts + 1e-6) * (counts >= 9)
    taken = set()
    for flat in np.argsort(-scores, axis=None):
        i, j = np.unravel_index(flat, scores.shape)
        if scores[i, j] <= 0:
            return
        if not {(0, i), (1, j)} & taken:
            taken |= {(0, i), (1, j)}
            yield starts[i], ends[j], scores[i, j]
