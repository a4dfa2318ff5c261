"""Banded systems against dense ones, for any width, also where the width is more than the size."""

import numpy as np
import pytest

from lift3d.compiled import banded

SIZES = [(width, size) for width in (1, 3, 7) for size in (1, 2, 5, 12)]


def system(width: int, size: int, tracks: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A band (width, size, tracks) with nonsense where it hangs over, and its matrices (tracks, size, size)."""
    random = np.random.default_rng(width * size)
    band = random.normal(size=(width, size, tracks))
    band[0] = 2 * width + random.random((size, tracks))
    dense = np.zeros((tracks, size, size))
    for below in range(min(width, size)):
        for i in range(size - below):
            dense[:, i + below, i] = dense[:, i, i + below] = band[below, i]
    return band, dense


@pytest.mark.parametrize(("width", "size"), SIZES)
def test_the_factor_is_that_of_cholesky(width: int, size: int) -> None:
    band, dense = system(width, size)
    banded.factorise(band)
    factor = np.linalg.cholesky(dense)
    np.testing.assert_allclose(1 / band[0].T, np.diagonal(factor, axis1=1, axis2=2), rtol=1e-12)  # kept as reciprocal
    for below in range(1, min(width, size)):
        own = np.diagonal(factor, -below, axis1=1, axis2=2)
        np.testing.assert_allclose(band[below, : size - below].T, own, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("width", "size"), SIZES)
def test_solutions_are_those_of_the_dense_system(width: int, size: int) -> None:
    band, dense = system(width, size)
    right = np.random.default_rng(1).normal(size=(size, 3))
    expected = np.linalg.solve(dense, right.T[..., None])[..., 0].T
    banded.factorise(band)
    banded.solve(band, right)
    np.testing.assert_allclose(right, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(("width", "size"), SIZES)
def test_the_band_of_the_inverse_is_that_of_the_dense_inverse(width: int, size: int) -> None:
    band, dense = system(width, size)
    banded.factorise(band)
    inverse = np.full_like(band, np.nan)
    banded.invert_band(band, inverse)
    expected = np.linalg.inv(dense)
    for below in range(min(width, size)):
        own = np.diagonal(expected, -below, axis1=1, axis2=2)
        np.testing.assert_allclose(inverse[below, : size - below].T, own, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize(("width", "size"), SIZES)
def test_products_are_those_of_the_dense_matrix(width: int, size: int) -> None:
    band, dense = system(width, size)
    vectors, out = np.random.default_rng(2).normal(size=(size, 3)), np.full((size, 3), np.nan)
    banded.multiply(band, vectors, out)
    np.testing.assert_allclose(out, np.einsum("kij,jk->ik", dense, vectors), rtol=1e-12, atol=1e-13)


def test_tracks_do_not_touch_each_other() -> None:
    band, _ = system(7, 12, tracks=5)
    right = np.random.default_rng(3).normal(size=(12, 5))
    alone = []
    for track in range(5):
        own, vector = band[..., track : track + 1].copy(), right[:, track : track + 1].copy()
        banded.factorise(own)
        banded.solve(own, vector)
        alone.append(vector)
    banded.factorise(band)
    banded.solve(band, right)
    np.testing.assert_allclose(right, np.concatenate(alone, axis=1), rtol=1e-13)


def test_a_matrix_that_is_not_positive_definite_gives_nan() -> None:
    band = np.ones((2, 3, 1))  # 1 on the diagonal and beside it: the second pivot is 0
    band[0, 1] = 0.5
    banded.factorise(band)
    assert not np.isfinite(band[:, 1:]).all()
