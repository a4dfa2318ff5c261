"""`lift3d train`: train a network from a settings file."""

from __future__ import annotations

from pathlib import Path

import click

from lift3d.cli._options import path_argument, threads_option

__all__ = ["COMMAND"]


@click.command("train", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@path_argument("config")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder of the run.  [default: runs/CONFIG]")
@threads_option()
@click.pass_context
def COMMAND(context: click.Context, config: Path, output: Path | None) -> None:  # noqa: N802
    """Train what CONFIG says. Any setting is overridden by its name: --network.hidden 512 --loop.seed=3

    A run that was interrupted goes on when the same command is given again. The folder holds the curves, the state
    to resume from, the settings, and at the end weights.safetensors, which `--model` of other commands takes.
    """
    from lift3d.settings import read_toml, with_overrides
    from lift3d.training.runs import run_training

    tables = with_overrides(read_toml(config), context.args)
    weights = run_training(tables, output or Path("runs") / config.stem, where=config.name)
    click.echo(f"{weights}: trained weights")
