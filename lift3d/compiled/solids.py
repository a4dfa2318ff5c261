"""Loops that draw shaded capsules and plain rectangles into pictures."""

from __future__ import annotations

import math

from lift3d.compiled._compiling import entry

__all__ = ["draw_boxes", "draw_capsules"]


@entry
def draw_capsules(pictures, nearest, ends, colours, stripes, lights):
    """Draw capsules over what is in the pictures, each where nothing nearer was drawn before.

    A capsule is what a ball covers on its way from one end to the other while its radius changes evenly. Pixel centres
    are whole numbers. Edges are mixed with what lies behind, over one pixel: draw what is far away first.

    Args:
        pictures: (P, H, W, 3) light of each channel; changed.
        nearest: (P, H, W) depth of what was drawn; changed. Larger is farther.
        ends: (P, C, 2, 4) x, y, depth and radius at both ends, all in pixels.
        colours: (P, C, 3) under full light.
        stripes: (P, C, 2) how many stripes run across, and by what share they are darker.
        lights: (P, 4) direction from which light comes, of length 1, z towards depth; and the share that is everywhere.
    """
    height, width = pictures.shape[1], pictures.shape[2]
    for p in range(pictures.shape[0]):
        for c in range(ends.shape[1]):
            x0, y0, z0, r0 = ends[p, c, 0, 0], ends[p, c, 0, 1], ends[p, c, 0, 2], ends[p, c, 0, 3]
            dx, dy = ends[p, c, 1, 0] - x0, ends[p, c, 1, 1] - y0
            dz, dr = ends[p, c, 1, 2] - z0, ends[p, c, 1, 3] - r0
            square = dx * dx + dy * dy
            left = max(0, math.ceil(min(x0 - r0, x0 + dx - r0 - dr) - 0.5))
            right = min(width - 1, math.floor(max(x0 + r0, x0 + dx + r0 + dr) + 0.5))
            top = max(0, math.ceil(min(y0 - r0, y0 + dy - r0 - dr) - 0.5))
            bottom = min(height - 1, math.floor(max(y0 + r0, y0 + dy + r0 + dr) + 0.5))
            for y in range(top, bottom + 1):
                for x in range(left, right + 1):
                    if square > 1e-6:
                        t = min(1.0, max(0.0, ((x - x0) * dx + (y - y0) * dy) / square))
                    else:
                        t = 0.0 if dz > 0 else 1.0  # seen along its axis: the nearer end
                    radius = max(r0 + t * dr, 1e-3)
                    across_x, across_y = x - x0 - t * dx, y - y0 - t * dy
                    away = math.sqrt(across_x * across_x + across_y * across_y)
                    cover = min(1.0, radius + 0.5 - away)
                    if cover <= 0:
                        continue
                    rim = min(1.0, away / radius)
                    towards = math.sqrt(1.0 - rim * rim)
                    depth = z0 + t * dz - radius * towards
                    if depth >= nearest[p, y, x]:
                        continue
                    scale = rim / max(away, 1e-6)
                    facing = across_x * scale * lights[p, 0] + across_y * scale * lights[p, 1] - towards * lights[p, 2]
                    shade = lights[p, 3] + (1.0 - lights[p, 3]) * max(0.0, facing)
                    if stripes[p, c, 0] > 0 and math.sin(2 * math.pi * stripes[p, c, 0] * t) > 0:
                        shade *= 1.0 - stripes[p, c, 1]
                    for channel in range(3):
                        before = pictures[p, y, x, channel]
                        pictures[p, y, x, channel] = before + cover * (shade * colours[p, c, channel] - before)
                    if cover > 0.5:
                        nearest[p, y, x] = depth


@entry
def draw_boxes(pictures, boxes, colours):
    """Fill upright rectangles, one over the other.

    Args:
        pictures: (P, H, W, 3) light of each channel; changed.
        boxes: (P, N, 4) left, top, right and bottom, pixels; those without an area are not drawn.
        colours: (P, N, 3) of each.
    """
    height, width = pictures.shape[1], pictures.shape[2]
    for p in range(pictures.shape[0]):
        for n in range(boxes.shape[1]):
            left, top = max(0, math.ceil(boxes[p, n, 0])), max(0, math.ceil(boxes[p, n, 1]))
            right, bottom = min(width, math.ceil(boxes[p, n, 2])), min(height, math.ceil(boxes[p, n, 3]))
            for y in range(top, bottom):
                for x in range(left, right):
                    for channel in range(3):
                        pictures[p, y, x, channel] = colours[p, n, channel]
