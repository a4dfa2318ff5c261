"""`lift3d info datasets` names every layout of data sets; `python -m lift3d` is the same command."""

import os
import subprocess
import sys

from lift3d.datasets.labelled_pictures import picture_formats
from lift3d.datasets.motion import motion_sources
from lift3d.datasets.pose_pairs import pair_formats


def test_every_layout_is_named_with_what_it_holds() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lift3d", "info", "datasets"], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    rows = [line.split()[:2] for line in done.stdout.splitlines()]
    kinds = {"motion": motion_sources(), "pairs": pair_formats(), "pictures": picture_formats()}
    expected = [[name, kind] for kind, known in kinds.items() for name in known]
    assert [row for row in rows if row[1:] in ([kind] for kind in kinds)] == expected
