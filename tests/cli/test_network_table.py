"""`lift3d info networks`: sizes and costs are the published ones, and every checkpoint that is read is named."""

from __future__ import annotations

import pytest

from lift3d.cli import _run
from lift3d.importers import all_importers


def test_sizes_and_costs(capsys: pytest.CaptureFixture[str]) -> None:
    """Counted elsewhere: 16 952 371 and 42 466 317 parameters; a frame of a long clip passes each weight about once."""
    assert _run(["info", "networks"]) == 0
    text = capsys.readouterr().out
    rows = {line.split()[0]: " ".join(line.split()) for line in text.splitlines() if line.strip()}
    assert " 16.95 M " in rows["temporal_conv"]
    assert " 19.5 M " in rows["temporal_conv"]
    assert "34 x 243 frames 51 " in rows["temporal_conv"]
    assert " 42.47 M " in rows["dstformer"]
    assert " up to 243 frames " in rows["dstformer"]
    assert " 4.29 M " in rows["residual_mlp"]
    assert " 4.3 M " in rows["residual_mlp"]
    assert "picture of 256 x 256" in rows["movenet"]
    for importer in all_importers().values():
        assert importer.network in rows[importer.name]
        assert all(option in rows[importer.name] for option in importer.options)
