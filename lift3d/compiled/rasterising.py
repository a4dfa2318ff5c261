"""Triangles in a picture: which one each pixel sees, and where on it."""

from __future__ import annotations

import numpy as np

from lift3d.compiled._compiling import entry

__all__ = ["nearest_triangles"]


@entry
def nearest_triangles(pixels, depths, faces, nearness, seen, shares):
    """Fill a depth buffer with triangles whose corners are projected.

    The centre of pixel (column, row) is at (column, row). Depth between corners is that of a pinhole, linear in one
    over the depth; edges are straight in the picture. A triangle with a corner that is not finite is left out.

    Args:
        pixels: (vertices, 2) of the corners, NaN behind the camera.
        depths: (vertices) along the optical axis.
        faces: (faces, 3) indices of corners.
        nearness: (height, width) one over the depth of what is there, 0 for nothing; changed.
        seen: (height, width) index of the triangle; changed where one is nearer.
        shares: (height, width, 3) weights of its corners on the surface, which sum to 1; changed likewise.
    """
    height, width = nearness.shape
    for face in range(len(faces)):
        a, b, c = faces[face]
        ax, ay, bx, by, cx, cy = pixels[a, 0], pixels[a, 1], pixels[b, 0], pixels[b, 1], pixels[c, 0], pixels[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if not np.abs(area) > 1e-12:  # NaN too
            continue
        first, last = max(0, int(np.ceil(min(ay, by, cy)))), min(height - 1, int(np.floor(max(ay, by, cy))))
        left, right = max(0, int(np.ceil(min(ax, bx, cx)))), min(width - 1, int(np.floor(max(ax, bx, cx))))
        for y in range(first, last + 1):
            for x in range(left, right + 1):
                wa = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
                wb = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
                wc = 1.0 - wa - wb
                if wa < 0.0 or wb < 0.0 or wc < 0.0:
                    continue
                na, nb, nc = wa / depths[a], wb / depths[b], wc / depths[c]
                near = na + nb + nc
                if near > nearness[y, x]:
                    nearness[y, x] = near
                    seen[y, x] = face
                    shares[y, x, 0], shares[y, x, 1], shares[y, x, 2] = na / near, nb / near, nc / near
