"""Made-up people side by side, and what a perfect bottom-up network answers about them."""

import torch

from lift3d.detection.part_grouping import BODY18_LIMBS
from lift3d.heatmaps.part_field_targets import joint_map_targets, part_field_targets
from lift3d.skeletons import get_skeleton

BODY = get_skeleton("body18")
# offsets from the neck in units of a person's width, in the order of body18
SHAPE = torch.tensor([
    [0, -0.9], [0, 0], [-1, 0.1], [-1.3, 1.2], [-1.4, 2.2], [1, 0.1], [1.3, 1.2], [1.4, 2.2], [-0.6, 2.5], [-0.6, 4.2],
    [-0.6, 5.8], [0.6, 2.5], [0.6, 4.2], [0.6, 5.8], [-0.3, -1.2], [0.3, -1.2], [-0.6, -1.0], [0.6, -1.0],
]).double()  # fmt: skip


def crowd(count, columns=5):
    """Joints (count, 18, 2) of people side by side, pixels."""
    torch.manual_seed(0)
    places = torch.tensor([[90.0 + 120 * (i % columns), 60.0 + 200 * (i // columns)] for i in range(count)])
    return places[:, None] + 23 * SHAPE + 3 * torch.randn(count, 18, 2, dtype=torch.float64)


def crowd_maps(people, rows=110, columns=90):
    """What a perfect network of stride 8 answers: heatmaps and fields."""
    seen = ~people.isnan().any(-1)
    pairs = sorted((limb.channel, *BODY.indices(limb.start, limb.end)) for limb in BODY18_LIMBS)
    fields = part_field_targets(people, seen, [pair[1:] for pair in pairs], (rows, columns))
    return joint_map_targets(people, seen, (rows, columns)).float(), fields.float()


def in_order(people):
    """Sorted by the neck, row by row."""
    return people[(people[:, 1, 1].round(decimals=-2) * 1000 + people[:, 1, 0]).argsort()]
