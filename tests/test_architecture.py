"""Imports point downwards only, and everything in lift3d/ has its row.

To add a module or a folder, give it a row in ``ROWS``. The public face ``lift3d/__init__.py`` stands outside: it
names everything and imports nothing until it is asked.
"""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "lift3d"

# From the top to the bottom. Names on one row never import each other, except where the row is open.
ROWS = [
    ("closed", {"__main__"}),
    ("closed", {"cli"}),
    ("closed", {"training"}),
    ("closed", {"fitting"}),  # builds on lifting and triangulation
    ("closed", {"detection", "lifting", "triangulation", "filtering", "evaluation", "viewing", "surfaces"}),
    ("closed", {"importers"}),
    ("closed", {"checkpoints"}),
    ("closed", {"networks", "datasets"}),
    ("closed", {"formats", "video", "synthetic"}),
    ("open", {"keypoints", "poses", "cameras", "bodies"}),
    ("closed", {"skeletons", "heatmaps", "volumes"}),
    ("closed", {"geometry", "compiled"}),
    ("open", {"errors", "settings", "_discovery", "_files", "_natural_order", "_progress", "_times"}),
]
FOLDERS_OF_DATA = {"weights", "data"}


def row_of(name):
    for height, (_, names) in enumerate(ROWS):
        if name in names:
            return height
    raise AssertionError(f"lift3d/{name} has no row in {Path(__file__).name}; give it one.")


def parts():
    """Names of the modules and packages directly in lift3d/."""
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    return modules | {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.rglob("*.py"))}


def imports_of(path):
    """(line, name below lift3d) of every import of lift3d in a file, wherever it stands in it."""
    folders = path.relative_to(PACKAGE.parent).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        modules = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(folders[: len(folders) - node.level]) + "." if node.level else ""
            module = (base + (node.module or "")).rstrip(".")
            modules = [f"lift3d.{alias.name}" for alias in node.names] if module == "lift3d" else [module]
        yield from ((node.lineno, module.split(".")[1]) for module in modules if module.startswith("lift3d."))


def complaints(path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for line, other in imports_of(path):
        if other == own or other.startswith("__"):
            continue
        if not any(other in row for _, row in ROWS):  # a public name: from lift3d import Camera
            yield f"{path}:{line}: import {other} from the module that defines it, not from lift3d"
        elif row_of(other) < row_of(own):
            yield f"{path}:{line}: {own} must not import {other}, which stands above it"
        elif row_of(other) == row_of(own) and ROWS[row_of(own)][0] == "closed":
            yield f"{path}:{line}: {own} must not import {other}, which stands on the same row"


def test_everything_has_exactly_one_row():
    names = [name for _, row in ROWS for name in row]
    assert len(names) == len(set(names))
    for name in sorted(parts() - FOLDERS_OF_DATA):
        row_of(name)


@pytest.mark.parametrize("part", sorted(parts() - FOLDERS_OF_DATA))
def test_imports_point_downwards(part):
    files = sorted((PACKAGE / part).rglob("*.py")) or [PACKAGE / f"{part}.py"]
    found = [complaint for path in files for complaint in complaints(path)]
    assert not found, "\n".join(found)


def test_tools_and_tests_are_never_imported():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [module or ""]
            assert not {name.split(".")[0] for name in names} & {"data_tools", "tests", "notebooks"}, path


@pytest.mark.parametrize(
    ("where", "text", "wrong"),
    [
        ("geometry/x.py", "from lift3d.cameras import Camera", True),
        ("geometry/x.py", "def f():\n    import lift3d.poses", True),
        ("geometry/x.py", "from ..skeletons import Skeleton", True),
        ("geometry/x.py", "from lift3d import poses", True),
        ("evaluation/x.py", "from lift3d.triangulation import anything", True),
        ("evaluation/x.py", "from lift3d import Poses3D", True),
        ("evaluation/x.py", "from lift3d.poses import Poses3D\nfrom lift3d.evaluation.metrics import mpjpe", False),
        ("cameras.py", "from lift3d.poses import Poses3D", False),
        ("errors.py", "from lift3d import __version__", False),
    ],
)
def test_the_check_itself_sees_what_is_wrong(where, text, wrong, tmp_path, monkeypatch):
    for name in parts():
        (tmp_path / "lift3d" / name).mkdir(parents=True)
        (tmp_path / "lift3d" / name / "__init__.py").touch()
    monkeypatch.setattr(f"{__name__}.PACKAGE", tmp_path / "lift3d")
    path = tmp_path / "lift3d" / where
    path.write_text(text)
    assert bool(list(complaints(path))) == wrong
