"""How long grouping by part affinity fields takes, on one thread, as JSON.

    python tests/benchmarks/group_people.py [--repeats 20]

Milliseconds for 1, 5 and 20 drawn people on maps of stride 8, and of plain NumPy grouping as OpenPose describes it on
the same maps enlarged (cubic) to the picture's size, the enlarging and the grouping apart. ``worst_px`` is the largest
distance of a joint from where it was drawn, pixels.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import cv2
import single_thread  # noqa: F401  before NumPy and torch
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "detection"))
import openpose_grouping
from drawn_crowd import crowd, crowd_maps, in_order

from lift3d.detection.part_grouping import group_parts

torch.set_num_threads(1)
cv2.setNumThreads(1)


def milliseconds(function, repeats):
    """Median processor time of a call, after one that is not counted, and what the last one gave."""
    function()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        answer = function()
        times.append(1000 * (time.process_time() - start))
    return round(statistics.median(times), 3), answer


def measured(people, repeats):
    """Figures of a crowd of so many."""
    truth = crowd(people)
    heatmaps, fields = crowd_maps(truth)
    own, found = milliseconds(lambda: group_parts(heatmaps, fields), repeats)
    rows, columns = heatmaps.shape[1:]
    plain = [own.permute(1, 2, 0).numpy() for own in (heatmaps, fields)]

    def enlarged():
        return [cv2.resize(maps, (8 * columns, 8 * rows), interpolation=cv2.INTER_CUBIC) for maps in plain]

    resizing, large = milliseconds(enlarged, max(1, repeats // 5))
    grouping, (entries, _) = milliseconds(lambda: openpose_grouping.group(*large), max(1, repeats // 5))
    worst = (in_order(8 * found.places + 3.5) - in_order(truth)).norm(dim=-1).max().item()
    return {
        "ms": own, "found": len(found.places), "worst_px": round(worst, 2), "openpose_style_resizing_ms": resizing,
        "openpose_style_grouping_ms": grouping, "openpose_style_found": len(entries),
        "times_as_fast": round((resizing + grouping) / own, 1),
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20)
    chosen = parser.parse_args()
    rows, columns = crowd_maps(crowd(1))[0].shape[1:]
    figures = {str(people): measured(people, chosen.repeats) for people in (1, 5, 20)}
    print(json.dumps({"map": [rows, columns], "picture": [8 * rows, 8 * columns], "people": figures}, indent=1))
