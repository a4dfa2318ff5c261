"""The command line: one file per command, each declaring ``COMMAND``.

A command is thin: read nouns, call one step, write nouns. Heavy imports stay inside the functions, so that
``--help`` is instant. Exit codes: 0 done, 2 wrong use or bad input (one line, no traceback), 1 our own fault.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Any

import click

from lift3d import __version__
from lift3d._discovery import module_names
from lift3d.errors import Lift3dError

__all__ = ["main"]

_PACKAGE = "lift3d.cli"


class _Commands(click.Group):
    """Finds commands among this folder's files; loads one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return module_names(_PACKAGE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in module_names(_PACKAGE):
            return None
        return importlib.import_module(f"{_PACKAGE}.{cmd_name}").COMMAND


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="lift3d")
def _lift3d() -> None:
    """From 2D human keypoints to 3D: detect, triangulate, lift, evaluate and look.

    Start with `lift3d demo`.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    warnings.showwarning = _print_warning
    # threads that spin while they wait for each other bring a busy machine to a halt; read when torch is loaded
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.exit(_run(list(sys.argv[1:] if arguments is None else arguments)))


def _run(arguments: list[str]) -> int:
    try:
        _lift3d.main(arguments, prog_name="lift3d", standalone_mode=False)
    except click.ClickException as error:
        return _refuse(_one_line(error))
    except Lift3dError as error:
        return _refuse(" ".join(str(error).split()))
    except (KeyboardInterrupt, click.Abort):
        print("lift3d: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:
        traceback.print_exc()
        print("lift3d: this is a fault of lift3d, not yours; please report the lines above.", file=sys.stderr)
        return 1
    return 0


def _refuse(text: str) -> int:
    print(f"lift3d: {text}", file=sys.stderr)
    return 2


def _one_line(error: click.ClickException) -> str:
    text = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    return f"{text} Try '{context.command_path} --help'." if context is not None else text


def _print_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"lift3d: warning: {' '.join(str(message).split())}", file=sys.stderr)
