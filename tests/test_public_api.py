"""The public names resolve, ``import lift3d`` is instant, and every ``__all__`` is right."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lift3d

PACKAGE = Path(lift3d.__file__).parent
ENTRIES = {"FORMAT", "NETWORK", "COMMAND", "FILTER"}  # files that are collected by what they define need no __all__


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        if path.name != "__main__.py":
            yield name.removesuffix(".__init__")


def public_names(module):
    """What a file defines itself, without the private and the imported."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name


@pytest.mark.parametrize("name", lift3d.__all__)
def test_every_public_name_resolves(name):
    assert getattr(lift3d, name) is not None
    assert name in dir(lift3d)


def test_other_names_are_refused():
    with pytest.raises(AttributeError, match="no attribute 'load'"):
        lift3d.load  # noqa: B018


def test_type_checkers_are_told_the_same_names():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    told = {alias.name: node.module for node in block.body for alias in node.names}
    assert told == lift3d._HOMES


def test_the_version_is_a_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+([a-z]+\d+)?", lift3d.__version__)


def test_importing_lift3d_imports_nothing_heavy():
    heavy = ["torch", "numpy", "scipy", "matplotlib", "av", "h5py", "jaxtyping"]
    code = f"import lift3d, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent, timeout=60
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", list(modules()))
def test_all_is_right(name):
    module = importlib.import_module(name)
    listed = getattr(module, "__all__", None)
    if listed is None:
        private = any(part.startswith("_") for part in name.split("."))
        entry = ENTRIES & set(vars(module))
        assert private or entry or not list(public_names(module)), f"{name} has no __all__"
        return
    assert len(set(listed)) == len(listed)
    for public in listed:
        assert not public.startswith("_"), f"{name}.__all__ names {public!r}, which is private"
        assert hasattr(module, public), f"{name}.__all__ names {public!r}, which is not there"
