"""`lift3d evaluate`: how far predicted poses are from a truth."""

from __future__ import annotations

from pathlib import Path

import click

from lift3d.cli._options import path_argument, threads_option

__all__ = ["COMMAND"]


@click.command("evaluate")
@path_argument("prediction")
@path_argument("truth")
@click.option("--align", "alignments", multiple=True,
              help="none, root, scale, rigid or similarity; again for more; the first is the headline.")  # fmt: skip
@click.option("--joints", help="Names of the joints to average, by commas.  [default: all]")
@click.option("--match", type=click.Choice(["times", "frames"]), default="times", show_default=True,
              help="Match frames by their times or by their numbers.")  # fmt: skip
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write the tables as JSON.")
@click.option("--markdown", "markdown_file", type=click.Path(path_type=Path), help="Also write them as Markdown.")
@threads_option()
def COMMAND(  # noqa: N802
    prediction: Path,
    truth: Path,
    alignments: tuple[str, ...],
    joints: str | None,
    match: str,
    json_file: Path | None,
    markdown_file: Path | None,
) -> None:
    """Compare PREDICTION with TRUTH, two files of poses: MPJPE, PA-MPJPE, MPJVE, PCK and AUC, with coverage.

    Every choice that changes the numbers is printed beside them.
    """
    from lift3d._files import writing
    from lift3d.evaluation import evaluate
    from lift3d.formats import read_poses

    report = evaluate(
        read_poses(prediction),
        read_poses(truth),
        alignments=alignments or None,
        joints=joints.split(",") if joints else None,
        match=match,
    )
    for file, text in ((json_file, report.to_json()), (markdown_file, report.to_markdown())):
        if file is not None:
            with writing(file) as temporary:
                temporary.write_text(text, encoding="utf-8")
    click.echo(str(report))
