"""`lift3d evaluate`: how far predicted poses, or people in pictures, are from a truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lift3d.cli._options import device_option, threads_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from lift3d.evaluation import EvaluationReport, PictureReport, PoseSamples, ProtocolReports
    from lift3d.poses import Poses3D

__all__ = ["COMMAND"]

_FILE = click.Path(exists=True, path_type=Path)
_NEW_FILE = click.Path(path_type=Path)


@click.command("evaluate")
@click.argument("files", type=_FILE, nargs=-1)
@click.option("--align", "alignments", multiple=True,
              help="none, root, scale, rigid or similarity; again for more; the first is the headline.")  # fmt: skip
@click.option("--joints", help="Names of the joints to average, by commas.  [default: all]")
@click.option("--match", type=click.Choice(["times", "frames"]), default="times", show_default=True,
              help="Match frames by their times or by their numbers.")  # fmt: skip
@click.option("--protocol", "protocols", multiple=True,
              help="Of labelled samples: such as martinez:1, sun:2/14 or iskakov (all of a school's); again for more; "
              "all for all published ones.  [default: everyone, all joints]")  # fmt: skip
@click.option("--data", type=_FILE, help="Lift this data set of 2D and 3D joints and evaluate.")
@click.option("--detections", help="2D joints of the data set, where they are a file of their own.")
@click.option("-c", "--calibration", type=_FILE, help="Cameras of the data set, where it holds none.")
@click.option("--model", help="The lifter for --data: a shipped one, a checkpoint file or a library of exemplars.  "
              "[default: the shipped one]")  # fmt: skip
@click.option("--flip/--no-flip", default=True, show_default=True,
              help="Average with the answer for the mirrored person (test-time augmentation).")  # fmt: skip
@click.option("--pictures", type=_FILE, help="Labels of a data set of pictures, as of COCO or MPII (see `lift3d info "
              "datasets`): evaluate the 2D joints of FILES against them.")  # fmt: skip
@click.option("--images", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="With --pictures: the folder that keypoints are of, if not all is labelled.")  # fmt: skip
@click.option("--metric", type=click.Choice(["coco", "pckh", "pck", "pcp"]),
              help="Of --pictures.  [default: pckh where there are head sizes, else coco]")  # fmt: skip
@click.option("--threshold", type=click.FloatRange(min=0, min_open=True),
              help="[default: pckh 0.5 of the head, pck 0.2 of the torso or box, pcp 0.5 of the limb]")  # fmt: skip
@click.option("--size", type=click.Choice(["torso", "box"]), help="What pck divides by.  [default: torso]")
@click.option("--skeleton", help="Joints of the 2D joints, where their file leaves it open.")
@click.option("--save", type=_NEW_FILE, help="Also write what --data or RESULTS gave as labelled samples, .npz.")
@click.option("--json", "json_file", type=_NEW_FILE, help="Also write the tables as JSON.")
@click.option("--markdown", "markdown_file", type=_NEW_FILE, help="Also write them as Markdown.")
@device_option()
@threads_option()
def COMMAND(  # noqa: N802
    files: tuple[Path, ...],
    alignments: tuple[str, ...],
    joints: str | None,
    match: str,
    protocols: tuple[str, ...],
    data: Path | None,
    detections: str | None,
    calibration: Path | None,
    model: str | None,
    flip: bool,
    pictures: Path | None,
    images: Path | None,
    metric: str | None,
    threshold: float | None,
    size: str | None,
    skeleton: str | None,
    save: Path | None,
    json_file: Path | None,
    markdown_file: Path | None,
    device: str,
) -> None:
    """Compare predictions with a truth: MPJPE, PA-MPJPE, MPJVE, PCK, AUC and bone errors, with coverage.

    In pictures: COCO's AP and AR, PCKh, PCK and PCP.

    FILES are one of these:

    \b
    PREDICTION TRUTH   two files of poses
    SAMPLES            a file of labelled predictions with their truth (see lift3d.evaluation.samples)
    SAMPLES TRUTH      with --protocol: predictions, and a file of samples with the truth and the labels
    RESULTS LABELS     of several views on Human3.6M: learnable triangulation's results.pkl and its labels (.npy)
    none, but --data   a data set of 2D and 3D joints, which the --model lifts
    RESULTS            with --pictures: people in pictures, as COCO's results (.json) or keypoints (.npz, ...)

    Every choice that changes the numbers is printed beside them.
    """  # noqa: D301  click reads the backslash
    if pictures is not None:
        if len(files) != 1 or data is not None or save is not None or alignments or joints or protocols:
            raise click.UsageError("--pictures takes one file of RESULTS, and none of the options for poses.")
        found = _in_pictures(files[0], pictures, images, calibration, metric, threshold, size, skeleton)
        _show(found, json_file, markdown_file)
        return
    if any(value is not None for value in (images, metric, threshold, size, skeleton)):
        raise click.UsageError("--images, --metric, --threshold, --size and --skeleton go with --pictures.")
    from lift3d.evaluation import evaluate_protocols, read_samples, write_samples

    if (data is None) == (not files) or len(files) > 2:
        raise click.UsageError("Pass PREDICTION TRUTH, SAMPLES or --data, and one of them only.")
    if (alignments or joints) and (protocols or len(files) != 2):
        raise click.UsageError("--align and --joints are for two files of poses; a protocol says its own.")
    report: EvaluationReport | ProtocolReports
    if len(files) == 2 and files[1].suffix.lower() == ".npy":
        report = _multiview(files[0], files[1], protocols, save, alignments or joints)
    elif len(files) == 2 and not protocols:
        report = _pose_files(files[0], files[1], alignments, joints, match)
    else:
        if data is None:
            samples = read_samples(*files)
        else:
            samples = _lifted(data, detections, calibration, model, flip, device, protocols)
        if save is not None:
            write_samples(samples, save)
        report = evaluate_protocols(samples, protocols)
    _show(report, json_file, markdown_file)


def _show(
    report: EvaluationReport | ProtocolReports | PictureReport, json_file: Path | None, markdown_file: Path | None
) -> None:
    """Print a report, and write it where it is asked for."""
    from lift3d._files import writing

    for file, text in ((json_file, report.to_json()), (markdown_file, report.to_markdown())):
        if file is not None:
            with writing(file) as temporary:
                temporary.write_text(text, encoding="utf-8")
    click.echo(str(report))


def _in_pictures(
    results: Path,
    labels: Path,
    images: Path | None,
    calibration: Path | None,
    metric: str | None,
    threshold: float | None,
    size: str | None,
    skeleton: str | None,
) -> PictureReport:
    from lift3d.datasets.labelled_pictures import picture_formats, read_labelled_pictures
    from lift3d.evaluation import evaluate_pictures, read_predicted_people

    if size is not None and metric != "pck":
        raise click.UsageError("--size is of --metric pck.")
    labelled = read_labelled_pictures(labels, cameras=calibration)
    predicted = read_predicted_people(results, labelled, images, skeleton)
    chosen = metric or ("coco" if labelled.people.head_sizes.isnan().all() else "pckh")
    annotations = labels if picture_formats()["coco_json"].recognises(labels) else None
    return evaluate_pictures(
        labelled, predicted, chosen, threshold=threshold, size=size or "torso", annotations=annotations
    )


def _multiview(
    results: Path, labels: Path, protocols: tuple[str, ...], save: Path | None, others: object
) -> ProtocolReports:
    """Results of several views against their labels; ``others`` are options that do not go with them."""
    from lift3d.evaluation import evaluate_multiview, read_multiview_results, write_samples

    if protocols or others:
        raise click.UsageError("RESULTS LABELS are measured as their authors do: no --protocol, --align or --joints.")
    samples = read_multiview_results(results, labels)
    if save is not None:
        write_samples(samples, save)
    return evaluate_multiview(samples)


def _pose_files(
    prediction: Path, truth: Path, alignments: tuple[str, ...], joints: str | None, match: str
) -> EvaluationReport:
    from lift3d.evaluation import evaluate
    from lift3d.formats import read_poses

    return evaluate(
        read_poses(prediction),
        read_poses(truth),
        alignments=alignments or None,
        joints=joints.split(",") if joints else None,
        match=match,
    )


def _lifted(
    data: Path,
    detections: str | None,
    calibration: Path | None,
    model: str | None,
    flip: bool,
    device: str,
    protocols: tuple[str, ...],
) -> PoseSamples:
    """What the model makes of the data set's 2D joints, of the subjects that the protocols test."""
    from lift3d.datasets.pose_pairs import read_pose_pairs
    from lift3d.evaluation import clips_of_protocols, lift_pairs, published_protocols

    lifter, how = _lifter(model, flip, device)
    pairs = read_pose_pairs(data, detections, cameras=calibration)
    pairs = clips_of_protocols(pairs, published_protocols() if protocols == ("all",) else protocols)
    seen = (
        f"2D joints of {Path(detections or data).name} ({pairs.keypoint_skeleton.name}), all frames that can be lifted"
    )
    return lift_pairs(pairs, lifter, [how, seen])


def _lifter(model: str | None, flip: bool, device: str) -> tuple[Callable[..., Poses3D], str]:
    """What lifts keypoints of a camera, and a line that says how."""
    from lift3d.lifting import DEFAULT_LIFTER
    from lift3d.lifting.chosen_lifter import chosen_lifter

    name = model or DEFAULT_LIFTER
    lifter, kind = chosen_lifter(name, flip=flip, device=device)
    if kind == "library":
        return lifter, f"lifted by the exemplars of {Path(name).name}"
    augmented = "averaged with the mirrored person's (flip test-time augmentation)" if flip else "no flip augmentation"
    return lifter, f"lifted by {Path(name).name}: {augmented}"
