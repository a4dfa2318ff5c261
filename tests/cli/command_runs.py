"""Commands as a user types them: those that work, and those that are refused in one line."""

import pytest

from lift3d.cli import _run


def does(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """What a command prints that works."""
    code = _run([str(word) for word in words])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return captured.out


def fails(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """The one line in which a command is refused."""
    assert _run([str(word) for word in words]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1, told
    return told.strip()
