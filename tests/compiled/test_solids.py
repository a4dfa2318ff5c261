"""Drawn capsules and boxes against the same written out with arrays; what is nearer hides what is farther."""

import numpy as np

from lift3d.compiled.solids import draw_boxes, draw_capsules

LIGHT = np.array([[0.0, 0.0, -1.0, 0.2]], dtype=np.float32)  # from the camera


def drawn(ends, colours=None, light=LIGHT, size=(40, 60), stripes=None):
    """A black picture (rows, columns, 3) with capsules in it, and its depths."""
    ends = np.asarray(ends, dtype=np.float32)[None]
    colours = np.ones((1, ends.shape[1], 3)) if colours is None else np.asarray(colours)[None]
    stripes = np.zeros((1, ends.shape[1], 2)) if stripes is None else np.asarray(stripes)[None]
    picture = np.zeros((1, *size, 3), dtype=np.float32)
    nearest = np.full((1, *size), np.inf, dtype=np.float32)
    draw_capsules(picture, nearest, ends, colours.astype(np.float32), stripes.astype(np.float32), light)
    return picture[0], nearest[0]


def test_a_capsule_is_all_that_is_near_its_line():
    start, end, radius = np.array([12.0, 10.5]), np.array([41.3, 28.0]), 6.0
    picture, nearest = drawn([[[*start, 5.0, radius], [*end, 5.0, radius]]])
    y, x = np.mgrid[:40, :60]
    place = np.stack([x, y], axis=-1) - start
    share = np.clip(place @ (end - start) / ((end - start) ** 2).sum(), 0, 1)
    away = np.linalg.norm(place - share[..., None] * (end - start), axis=-1)
    np.testing.assert_array_equal(np.isfinite(nearest), radius + 0.5 - away > 0.5)
    inside = away < radius - 0.5
    shade = 0.2 + 0.8 * np.sqrt(1 - np.minimum(away / radius, 1) ** 2)  # lit from the camera
    np.testing.assert_allclose(picture[inside], np.repeat(shade[inside, None], 3, axis=1), rtol=0, atol=1e-5)
    np.testing.assert_allclose(nearest[inside], 5 - np.sqrt(radius**2 - away[inside] ** 2), rtol=0, atol=1e-3)
    assert (picture[away > radius + 0.5] == 0).all()


def test_edges_are_mixed_so_that_the_covered_area_is_right():
    bright = np.array([[0.0, 0.0, -1.0, 1.0]], dtype=np.float32)  # the same light everywhere
    for shift in (0.0, 0.3, 0.7):
        picture, _ = drawn([[[15 + shift, 20, 0, 4.3], [40 + shift, 20 + shift, 0, 4.3]]], light=bright)
        area = 2 * 4.3 * np.hypot(25, shift) + np.pi * 4.3**2
        np.testing.assert_allclose(picture[..., 0].sum(), area, rtol=0.01)


def test_the_radius_changes_evenly():
    _, nearest = drawn([[[10, 20, 0, 2.2], [50, 20, 0, 8.2]]])
    heights = np.isfinite(nearest).sum(0)
    assert heights[10] == 5  # pixels within 2 of the line
    assert heights[30] == 11
    assert heights[50] == 17


def test_the_nearer_one_is_seen_whatever_comes_first():
    far, near = [[5, 20, 50, 5], [55, 20, 50, 5]], [[30, 5, 10, 4], [30, 35, 10, 4]]
    red, blue = [1.0, 0, 0], [0, 0, 1.0]
    for ends, colours in (([far, near], [red, blue]), ([near, far], [blue, red])):
        picture, nearest = drawn(ends, colours)
        assert picture[20, 30].tolist() == [0, 0, 1]
        assert picture[20, 15].tolist() == [1, 0, 0]
        np.testing.assert_allclose(nearest[20, 30], 6, atol=1e-5)


def test_depth_changes_along_a_capsule_and_its_nearer_end_is_seen_along_its_axis():
    _, nearest = drawn([[[10, 20, 0, 3], [50, 20, 40, 3]]])
    np.testing.assert_allclose(nearest[20, [10, 30, 50]], [-3, 17, 37], atol=1e-4)
    for ends in ([[30, 20, 0, 3], [30, 20, 40, 3]], [[30, 20, 40, 3], [30, 20, 0, 3]]):
        _, nearest = drawn([ends])
        np.testing.assert_allclose(nearest[20, 30], -3, atol=1e-4)


def test_the_side_that_is_lit_is_bright():
    for way, bright, dark in (([-1, 0, 0], (20, 25), (20, 35)), ([0, -1, 0], (15, 30), (25, 30))):
        light = np.array([[*way, 0.1]], dtype=np.float32)
        picture, _ = drawn([[[30, 20, 0, 8], [30, 20, 0, 8]]], light=light)
        assert picture[bright][0] > 0.5
        np.testing.assert_allclose(picture[dark], 0.1, atol=1e-6)


def test_stripes_run_across():
    plain, _ = drawn([[[5, 20, 0, 4], [55, 20, 0, 4]]])
    striped, _ = drawn([[[5, 20, 0, 4], [55, 20, 0, 4]]], stripes=[[5.0, 0.5]])
    ratio = striped[20, 6:55, 0] / plain[20, 6:55, 0]
    assert set(np.unique(ratio.round(5))) == {0.5, 1.0}
    assert np.count_nonzero(np.diff(ratio) < -0.1) + (ratio[0] < 0.9) == 5


def test_what_lies_outside_is_not_drawn_and_does_no_harm():
    picture, nearest = drawn([[[-30, -30, 0, 5], [-10, -30, 0, 5]], [[70, 50, 0, 5], [200, 90, 0, 5]]])
    assert not picture.any()
    assert np.isinf(nearest).all()
    _, nearest = drawn([[[-50, 20, 0, 5], [120, 20, 0, 5]]])
    assert np.isfinite(nearest[20]).all()


def test_boxes_cover_whole_pixels_the_later_over_the_earlier():
    picture = np.zeros((1, 10, 12, 3), dtype=np.float32)
    boxes = np.array([[[2, 3, 6, 8], [5, 6, 20, 9], [4, 4, 4, 4], [-5, -5, 1, 1]]], dtype=np.float32)
    colours = np.array([[[1, 0, 0], [0, 1, 0], [1, 1, 1], [0, 0, 1]]], dtype=np.float32)
    draw_boxes(picture, boxes, colours)
    expected = np.zeros((10, 12, 3))
    expected[3:8, 2:6], expected[6:9, 5:12], expected[0, 0] = [1, 0, 0], [0, 1, 0], [0, 0, 1]
    np.testing.assert_array_equal(picture[0], expected)
