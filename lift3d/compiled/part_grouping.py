"""The loops of bottom-up detection: peaks of heatmaps, limbs along part affinity fields, limbs put together to people.

Maps are (channels, rows, columns) of float32; places are (x, y) in cells. What each does is said in
``lift3d.detection.part_grouping``.
"""

from __future__ import annotations

import math

import numpy as np

from lift3d.compiled._compiling import entry, once, part

__all__ = ["find_peaks", "join_limbs"]

_SAMPLES = 10  # of a field along a limb
_FAINT = 1e-3  # share of a peak below which a neighbour counts as this, so that its logarithm is finite


@entry
def find_peaks(maps, joints, lowest, nearest, refine):
    """Peaks of the first maps: ``starts`` (joints + 1), places (peaks, 2), heights (peaks); by joint, then by column.

    Without ``refine``: cells higher than their four neighbours, those nearer than ``nearest`` to one before left out.
    With it: cells higher than their eight neighbours, moved to the top of the Gaussian through the neighbours.
    """
    starts = np.zeros(joints + 1, np.int64)
    for joint in range(joints):
        starts[joint + 1] = starts[joint] + _count_peaks(maps[joint], lowest, refine)
    places = np.empty((starts[joints], 2), np.float32)
    heights = np.empty(starts[joints], np.float32)
    filled = 0
    for joint in range(joints):
        first = filled
        own = maps[joint]
        for x in range(own.shape[1]):
            for y in range(own.shape[0]):
                if not _is_peak(own, x, y, lowest, refine):
                    continue
                if not refine and _is_near(places, first, filled, x, y, nearest):
                    continue
                places[filled, 0] = x + (_to_top(own, x, y, 1, 0) if refine else 0.0)
                places[filled, 1] = y + (_to_top(own, x, y, 0, 1) if refine else 0.0)
                heights[filled] = own[y, x]
                filled += 1
        starts[joint] = first
    starts[joints] = filled
    return starts, places[:filled], heights[:filled]


@part
def _count_peaks(own, lowest, refine):
    count = 0
    for y in range(own.shape[0]):
        for x in range(own.shape[1]):
            if own[y, x] >= lowest and _is_peak(own, x, y, lowest, refine):
                count += 1
    return count


@once
def _at(own, x, y):
    """The value of a cell; 0 beyond the map."""
    inside = 0 <= x < own.shape[1] and 0 <= y < own.shape[0]
    return own[y, x] if inside else np.float32(0.0)


@part
def _is_peak(own, x, y, lowest, diagonal):
    value = own[y, x]
    if value < lowest:
        return False
    if not diagonal:
        highest = max(max(_at(own, x - 1, y), _at(own, x + 1, y)), max(_at(own, x, y - 1), _at(own, x, y + 1)))
        return value > highest
    for dx in range(-1, 2):
        for dy in range(-1, 2):
            other = _at(own, x + dx, y + dy)
            before = dx < 0 or (dx == 0 and dy < 0)  # of equal neighbours the first is the peak
            if other > value or (before and other == value):
                return False
    return True


@part
def _is_near(places, first, filled, x, y, nearest):
    for i in range(first, filled):  # noqa: SIM110
        if math.sqrt((places[i, 0] - x) ** 2 + (places[i, 1] - y) ** 2) < nearest:
            return True
    return False


@part
def _to_top(own, x, y, dx, dy):
    """Steps, at most half a cell, from a peak to the top of the Gaussian through it and its neighbours on an axis."""
    if x - dx < 0 or y - dy < 0 or x + dx >= own.shape[1] or y + dy >= own.shape[0]:
        return 0.0
    value = own[y, x]
    before = math.log(max(own[y - dy, x - dx] / value, _FAINT))
    after = math.log(max(own[y + dy, x + dx] / value, _FAINT))
    bend = before + after
    return max(-0.5, min(0.5, 0.5 * (after - before) / -bend)) if bend < 0 else 0.0


@entry
def join_limbs(fields, starts, places, heights, limbs, trusting, lowest, needed, smooth):
    """People as (people, joints) peaks, -1 where missing; sums of their heights and limb scores; counts of joints.

    Args:
        fields: of all limbs.
        starts, places, heights: of ``find_peaks``.
        limbs: (limbs, 4): joints from and to, channels of x and y.
        trusting: from this limb on, limbs only add joints to people there are, and no score.
        lowest: value along the limb from which a sample counts.
        needed: samples that must count.
        smooth: between cells, instead of at the nearest.
    """
    joints, most, used = len(starts) - 1, 0, 0
    for limb in range(len(limbs)):
        first, second = limbs[limb, 0], limbs[limb, 1]
        most += min(starts[first + 1] - starts[first], starts[second + 1] - starts[second])
    people = np.full((most, joints), -1, np.int64)
    sums = np.zeros(most)
    counts = np.zeros(most, np.int64)
    for limb in range(len(limbs)):
        first, second = limbs[limb, 0], limbs[limb, 1]
        along_x, along_y = fields[limbs[limb, 2]], fields[limbs[limb, 3]]
        froms, tos = (starts[first], starts[first + 1]), (starts[second], starts[second + 1])
        ends, scores = _limbs_between(along_x, along_y, places, froms, tos, lowest, needed, smooth)
        for i in range(len(scores)):
            a, b = ends[i]
            if limb >= trusting:
                _add_end(people, used, first, second, a, b)
            elif limb == 0 or not _add_limb(people, sums, counts, used, (first, second, a, b), heights, scores[i]):
                people[used, first], people[used, second] = a, b
                sums[used] = heights[a] + heights[b] + scores[i]
                counts[used] = 2
                used += 1
    return people[:used], sums[:used], counts[:used]


@part
def _add_limb(people, sums, counts, used, ends, heights, score):
    """Add the far end of a limb to everybody who has the near one; whether anybody has."""
    first, second, a, b = ends
    found = False
    for person in range(used):
        if people[person, first] == a:
            people[person, second] = b
            sums[person] += heights[b] + score
            counts[person] += 1
            found = True
    return found


@part
def _add_end(people, used, first, second, a, b):
    """Add the end that is missing to whoever has the other."""
    for person in range(used):
        if people[person, first] == a and people[person, second] == -1:
            people[person, second] = b
        elif people[person, second] == b and people[person, first] == -1:
            people[person, first] = a


@part
def _limbs_between(along_x, along_y, places, froms, tos, lowest, needed, smooth):
    """Limbs between peaks, best first, each peak in one at most: (limbs, 2) peaks and scores."""
    many = (froms[1] - froms[0]) * (tos[1] - tos[0])
    pairs = np.empty((many, 2), np.int64)
    scores = np.empty(many)
    found = 0
    for b in range(tos[0], tos[1]):
        for a in range(froms[0], froms[1]):
            score = _along(along_x, along_y, places[a], places[b], lowest, needed, smooth)
            if score > 0:
                pairs[found, 0], pairs[found, 1], scores[found] = a, b, score
                found += 1
    order = np.argsort(-scores[:found])
    ends = np.empty((min(found, tos[1] - tos[0]), 2), np.int64)
    kept_scores = np.empty(len(ends))
    taken_a, taken_b = np.zeros(froms[1] - froms[0], np.bool_), np.zeros(tos[1] - tos[0], np.bool_)
    kept = 0
    for i in order:
        a, b = pairs[i]
        if not taken_a[a - froms[0]] and not taken_b[b - tos[0]]:
            taken_a[a - froms[0]] = taken_b[b - tos[0]] = True
            ends[kept, 0], ends[kept, 1], kept_scores[kept] = a, b, scores[i]
            kept += 1
    return ends[:kept], kept_scores[:kept]


@part
def _along(along_x, along_y, a, b, lowest, needed, smooth):
    """Mean, over the samples that count, of the field along the line from a to b; 0 where too few count."""
    step_x, step_y = (b[0] - a[0]) / (_SAMPLES - 1), (b[1] - a[1]) / (_SAMPLES - 1)
    length = math.sqrt((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2) + 1e-6
    unit_x, unit_y = (b[0] - a[0]) / length, (b[1] - a[1]) / length
    total, counted = 0.0, 0
    for k in range(_SAMPLES):
        x, y = a[0] + k * step_x, a[1] + k * step_y
        if smooth:
            value = unit_x * _between_cells(along_x, x, y) + unit_y * _between_cells(along_y, x, y)
        else:
            column, row = round(x), round(y)
            value = unit_x * along_x[row, column] + unit_y * along_y[row, column]
        if value > lowest:
            total += value
            counted += 1
        elif counted + _SAMPLES - 1 - k < needed:
            return 0.0
    return total / (counted + 1e-6)


@part
def _between_cells(own, x, y):
    """Bilinear; beyond the centres of the outer cells, their values."""
    x, y = max(0.0, min(x, own.shape[1] - 1.0)), max(0.0, min(y, own.shape[0] - 1.0))
    column, row = int(x), int(y)
    right, below = min(column + 1, own.shape[1] - 1), min(row + 1, own.shape[0] - 1)
    p, q = x - column, y - row
    upper = (1 - p) * own[row, column] + p * own[row, right]
    lower = (1 - p) * own[below, column] + p * own[below, right]
    return (1 - q) * upper + q * lower
