"""MoveNet: the shipped weights give what the published graph gives, on a grid that lies where it is said to lie."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lift3d.checkpoints import load_network
from lift3d.networks.movenet import MoveNet, MoveNetSettings

GOLDEN = Path(__file__).parents[1] / "golden" / "movenet_thunder.npz"
SMALL = MoveNetSettings(width=0.25, last_channels=32, pyramid=(16, 8, 8), head_channels=16)


@pytest.fixture(scope="module")
def thunder():
    return load_network("movenet_thunder").network


def waves(size=256):
    """The picture that the golden values are of; the rule is that of data_tools/convert_movenet.py."""
    rows, columns = torch.meshgrid(torch.arange(size).double(), torch.arange(size).double(), indexing="ij")
    blob = torch.exp(-((rows - 0.45 * size) ** 2 + (columns - 0.55 * size) ** 2) / (2 * (0.12 * size) ** 2))
    lines = [torch.sin(rows * a + columns * b) for a, b in ((0.031, 0.017), (0.23, -0.11), (-0.7, 0.9))]
    return (0.5 * torch.stack(lines) + 0.5 * blob).clamp(-1, 1).float()[None]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-6)])
def test_equals_the_published_graph(thunder, dtype, tolerance):
    """Golden: 2000 values a head of an interpreter of the published graph in numpy, float64, stored as float32."""
    with np.load(GOLDEN) as golden, torch.no_grad():
        output = thunder.to(dtype)(waves().to(dtype))
        for name, values in output._asdict().items():
            ours = values.flatten()[torch.from_numpy(golden[f"{name}_places"]).long()]
            expected = torch.from_numpy(golden[f"{name}_values"]).to(dtype)
            torch.testing.assert_close(ours, expected, rtol=tolerance, atol=tolerance)
    thunder.float()


def test_shapes():
    output = MoveNet(SMALL)(torch.zeros(2, 3, 64, 96))
    assert output.heatmaps.shape == (2, 17, 16, 24)
    assert output.offsets.shape == output.regressed.shape == (2, 17, 2, 16, 24)
    assert output.centre.shape == (2, 16, 24)


def test_has_the_published_number_of_parameters(thunder):
    assert sum(value.numel() for value in thunder.parameters()) == pytest.approx(6.22e6, rel=2e-3)


def test_pictures_of_a_batch_do_not_mix():
    network, pictures = MoveNet(SMALL).eval(), torch.randn(3, 3, 64, 64)
    together = network(pictures)
    for i in range(3):
        alone = network(pictures[i : i + 1])
        for one, many in zip(alone, together, strict=True):
            torch.testing.assert_close(one[0], many[i], rtol=1e-4, atol=1e-5)


def test_moving_the_picture_by_a_whole_stride_moves_every_output_alike():
    """By 32 pixels, the coarsest stride, all grids shift by whole cells: 8 at the heads; the edges excepted."""
    network = MoveNet(MoveNetSettings(width=0.25, last_channels=32)).double().eval()
    canvas = torch.zeros(1, 3, 768, 768, dtype=torch.float64)
    canvas[..., 352:416, 352:416] = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    here, there = network(canvas), network(canvas.roll((32, 64), (-2, -1)))
    for before, after in zip(here, there, strict=True):
        moved = before.roll((8, 16), (-2, -1))
        middle = (..., slice(80, 112), slice(80, 112))
        torch.testing.assert_close(after[middle], moved[middle], rtol=1e-9, atol=1e-9)


def test_a_gradient_reaches_around_its_cell_alike_on_both_sides():
    """What a cell sees is centred on the cell's own four pixels, to within a pixel: no half-cell shift hides."""
    settings = MoveNetSettings(width=0.25, last_channels=32, pyramid=(16, 8, 8), head_channels=16)
    network = MoveNet(settings).double()
    for parameter in network.parameters():  # all positive, so that no ReLU closes: the reach alone shows
        torch.nn.init.constant_(parameter, 1e-2)
    picture = torch.zeros(1, 3, 512, 512, dtype=torch.float64, requires_grad=True)
    network(picture).heatmaps[0, 0, 64, 64].backward()
    assert picture.grad is not None
    reach = picture.grad.abs().sum((0, 1, 2))
    mean = (reach * torch.arange(512)).sum() / reach.sum()
    assert abs(mean.item() - (4 * 64 + 1.5)) < 4
