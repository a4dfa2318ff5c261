"""`lift3d info networks`: sizes and costs are the published ones, and every checkpoint that is read is named."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lift3d.cli import _run
from lift3d.cli._network_table import _counted
from lift3d.importers import all_importers

# network and size: parameters, multiply-adds really done as counted elsewhere, and as the papers say them
PICTURES = {
    ("hrnet", "W32", "192x256"): (28.54, 7.65, 7.10),
    ("hrnet", "W48", "192x256"): (63.60, 15.69, 14.6),
    ("hrnet", "W48", "288x384"): (63.60, 35.31, 32.9),
    ("simple_baseline", "ResNet-50", "192x256"): (34.00, 5.43, 8.9),
    ("simple_baseline", "ResNet-101", "192x256"): (52.99, 9.06, 12.4),
    ("simple_baseline", "ResNet-152", "288x384"): (68.64, 28.57, 35.6),
    ("integral_resnet", "ResNet-50, 3D", "256x256"): (34.29, 8.43, None),
    ("stacked_hourglass", "2 stacks", "256x256"): (6.57, 8.33, None),
    ("stacked_hourglass", "8 stacks", "256x256"): (25.43, 27.44, None),
    ("lightweight_openpose", "1 refinement", "368x368"): (4.09, 8.88, None),
}


@pytest.fixture(scope="module")
def text() -> str:
    from lift3d.cli._network_table import network_table

    return network_table()


def rows(text: str, name: str) -> list[str]:
    """Every line that begins with the name, its spaces made one."""
    return [" ".join(line.split()) for line in text.splitlines() if line.split()[:1] == [name]]


def test_sizes_and_costs_of_networks_of_joints(text: str) -> None:
    """Counted elsewhere: 16 952 371 and 42 466 317 parameters; a frame of a long clip passes each weight about once."""
    (convolutions,) = (row for row in rows(text, "temporal_conv") if "frames" in row)
    assert " 16.95 M 19.5 M 34 x 243 frames 51 " in convolutions
    (transformer,) = (row for row in rows(text, "dstformer") if "frames" in row)
    assert " 42.47 M " in transformer
    assert " up to 243 frames " in transformer
    assert any(" 4.29 M 4.3 M " in row for row in rows(text, "residual_mlp"))


@pytest.mark.parametrize("key", PICTURES)
def test_sizes_and_costs_of_networks_of_pictures(key: tuple[str, str, str], text: str) -> None:
    """The papers' count is met to 2 parts in a hundred: they say two or three digits."""
    name, size, picture = key
    parameters, done, by_papers = PICTURES[key]
    (row,) = (row for row in rows(text, name) if f" {size} " in row and f" {picture} " in row)
    found = row.partition(f" {size} ")[2].split()
    assert (float(found[0]), found[1], found[3], found[5]) == (parameters, "M", "G", "G")
    assert float(found[2]) == pytest.approx(done, abs=0.01)
    if by_papers is not None:
        assert float(found[4]) == pytest.approx(by_papers, rel=0.02)


@pytest.mark.parametrize(
    ("name", "parameters", "done", "shapes"),
    [
        ("algebraic_triangulation", 79.52, 158.0, "4x3x384x384 17x3"),
        # less the heatmaps of the published file, on which no answer depends: 4 369 parameters, 0.16 G
        ("volumetric_triangulation", 80.58, 300.9 - 0.16, "4x3x384x384 17x3"),
        ("v2v", 11.94, 18.5, "32x32x32x32 17x32x32x32"),
    ],
)
def test_sizes_and_costs_of_networks_of_views(
    name: str, parameters: float, done: float, shapes: str, text: str
) -> None:
    (row,) = (row for row in rows(text, name) if f" {shapes} " in row)
    found = row.split()
    assert float(found[1]) == parameters
    assert float(found[3]) == pytest.approx(done, abs=0.07)


def test_transposed_convolutions_are_counted_both_ways() -> None:
    """A kernel of 4 x 4 on 5 x 7 cells of 3 channels to 10 x 14 of 2; a plain convolution counts once."""

    class Network(nn.Sequential):
        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return (super().forward(images),)

    layers = [nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.ConvTranspose2d(3, 2, 4, stride=2, padding=1)]
    done, more, answer = _counted(Network(*layers).eval(), torch.zeros(1, 3, 5, 7))
    kernel = 3 * 2 * 4 * 4
    assert done == 3 * 3 * 35 + kernel * 35
    assert done + more == 3 * 3 * 35 + kernel * 140
    assert answer.shape == (1, 2, 10, 14)


def test_every_checkpoint_is_named(text: str) -> None:
    for importer in all_importers().values():
        (row,) = (row for row in rows(text, importer.name) if importer.about in row)
        assert row.startswith(f"{importer.name} {', '.join(importer.networks)} ")
        assert all(option in row for option in importer.options)


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lift3d.cli._network_table.network_table", lambda: "the table")
    assert _run(["info", "networks"]) == 0
    assert capsys.readouterr().out == "the table\n"
