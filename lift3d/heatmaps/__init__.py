"""Heatmaps of joints: made, compared and read, in two and three dimensions. Tensors only.

places, scores = decode_heatmaps(network(images)[-1], "quarter", (192, 256), half_pixel=False)
"""

from lift3d.heatmaps.decoding import Decoded, all_decoders, decode_heatmaps
from lift3d.heatmaps.flips import flip_averaged, unmirrored
from lift3d.heatmaps.soft_argmax import soft_argmax

__all__ = ["Decoded", "all_decoders", "decode_heatmaps", "flip_averaged", "soft_argmax", "unmirrored"]
