"""Shape annotations are checked while the tests run; torch runs on few threads; nothing depends on order."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does; must be set before torch is loaded

import pytest
import torch
from jaxtyping import install_import_hook

STEPS = ["lift3d.lifting", "lift3d.triangulation", "lift3d.filtering"]
collect_ignore = ["benchmarks/aniposelib_worker.py"]  # runs in an environment of its own

CHECKED = [
    "lift3d.geometry",
    "lift3d.bodies",
    "lift3d.volumes",
    "lift3d.networks",
    "lift3d.skeletons",
    "lift3d.datasets",
    *STEPS,
]
install_import_hook(CHECKED, "beartype.beartype")
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
