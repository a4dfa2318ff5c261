"""Any motion to one file of clips, from which `lift3d train` learns.

    python -m data_tools.make_motion_clips cmu/ -o cmu17.h5 --fps 30 --test 16 35 --about "mocap.cs.cmu.edu ..."
    python -m data_tools.make_motion_clips AMASS/ -o amass17.h5 --fps 30 --body-model smplh/

Each PATH is a file or a folder of poses in any format that lift3d reads (BVH, ASF/AMC, C3D, TRC, its own, ...), or of
AMASS motion (``.npz``), which needs a body model (see ``amass``). Joints become those of Human3.6M's 17; a file that
does not have them is left out and said. One file at a time is in memory. A clip is cut where a joint is missing or
faster than ``--fastest``, as where an angle flips; frames with a joint below ``--lowest`` are dropped, and pieces
shorter than ``--shortest``.

The subject is the folder that a file lies in, or its name up to the first ``_``. Clips are ``train``, but for those in
a folder ``test`` or ``validation``, or of the subjects named by ``--test`` and ``--validation``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from data_tools.amass import JOINTS, BodyModels, amass_joints, is_amass
from lift3d._natural_order import natural_order
from lift3d._progress import progress
from lift3d.datasets import Clip, write_motion_clips
from lift3d.datasets.clip_cleaning import good_stretches, resampled
from lift3d.datasets.motion_sources.pose_files import people_of, pose_files, subject_and_split
from lift3d.errors import FileError, Lift3dError
from lift3d.skeletons import get_skeleton, mapping_between

__all__ = ["main"]

HUMAN36M = get_skeleton("human36m17")


def files_of(path: Path) -> list[Path]:
    """The files of poses and of AMASS motion, in natural order.

    Raises:
        FileError: there are none.
    """
    amass = [one for one in ([path] if path.is_file() else path.rglob("*.npz")) if is_amass(one)]
    try:
        poses = [] if amass == [path] else pose_files(path)
    except FileError:
        if not amass:
            raise
        poses = []
    return sorted({*amass, *poses}, key=lambda one: natural_order(str(one)))


def recordings(file: Path, options: argparse.Namespace) -> Iterator[tuple[str, np.ndarray, float]]:
    """Each person of a file: what to add to its name, (frames, 17, 3) in metres with z up, and frames a second."""
    if is_amass(file):
        if options.body_model is None:
            raise FileError(file, "is AMASS motion, whose joints need a body model", "Pass --body-model FOLDER.")
        positions, fps = amass_joints(file, options.body_model)
        mapped = mapping_between(JOINTS, HUMAN36M).coordinates(torch.from_numpy(positions))
        yield "", mapped.numpy(), fps
        return
    unit = options.unit if options.metres_per_unit is None else "m"
    for name, _, positions, fps in people_of(file, HUMAN36M, unit):
        yield name.removeprefix(file.stem), positions * (options.metres_per_unit or 1.0), fps


def clips_of(file: Path, folder: Path, options: argparse.Namespace) -> Iterator[tuple[Clip, np.ndarray]]:
    """The clean clips of a file."""
    subject, split = subject_and_split(file, folder)
    split = "test" if subject in options.test else "validation" if subject in options.validation else split
    stem = (file.relative_to(folder) if folder.is_dir() else Path(file.name)).with_suffix("").as_posix()
    for person, recorded, rate in recordings(file, options):
        fps = options.recorded_fps or rate
        positions = recorded[options.skip :]
        parts = good_stretches(positions, fps, options.fastest, options.lowest, options.shortest)
        for number, part in enumerate(parts):
            kept = positions[part] if options.fps is None else resampled(positions[part], fps, options.fps)
            name = f"{stem}{person}" + (f"#{number}" if len(parts) > 1 else "")
            yield Clip(name, subject, len(kept), options.fps or fps, split=split), kept


def all_clips(options: argparse.Namespace) -> Iterator[tuple[Clip, np.ndarray]]:
    """The clips of all files; a file that cannot be read is said and left out."""
    files = [(file, path) for path in options.paths for file in files_of(path)]
    for file, folder in progress(files, "reading", "file", len(files)):
        try:
            yield from clips_of(file, folder, options)
        except FileError as error:
            if options.strict:
                raise
            print(f"left out: {error}", file=sys.stderr)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH")
    parser.add_argument("-o", "--output", type=Path, required=True, help="file of clips to write (.h5)")
    parser.add_argument("--fps", type=float, help="frames a second to bring all clips to; by default as recorded")
    parser.add_argument("--recorded-fps", type=float, help="of the files, where they do not say (AMC: 120)")
    parser.add_argument("--unit", choices=["m", "cm", "mm"], help="of the files, where they do not say (BVH)")
    parser.add_argument(
        "--metres-per-unit", type=float, help="for a unit of its own: 0.0564444 of cgspeed's CMU in BVH"
    )
    parser.add_argument("--skip", type=int, default=0, help="frames to leave out at the start, such as a T-pose")
    parser.add_argument("--fastest", type=float, default=15.0, help="metres a second (default 15)")
    parser.add_argument("--lowest", type=float, default=-0.15, help="metres (default -0.15)")
    parser.add_argument("--shortest", type=float, default=0.5, help="seconds (default 0.5)")
    parser.add_argument("--test", nargs="*", default=[], help="subjects of the split test")
    parser.add_argument("--validation", nargs="*", default=[], help="subjects of the split validation")
    parser.add_argument("--body-model", type=Path, help="file or folder of SMPL+H or SMPL-X models, for AMASS")
    parser.add_argument("--float", action="store_true", help="store float32 instead of 16 bits of 0.25 mm")
    parser.add_argument("--strict", action="store_true", help="stop at the first file that cannot be read")
    parser.add_argument("--about", default="", help="source and licence of the motion; kept in the file")
    options = parser.parse_args(arguments)
    if options.body_model is not None:
        options.body_model = BodyModels(options.body_model)
    return options


def main(arguments: list[str] | None = None) -> None:
    """See the head of this module."""
    options = parse(arguments)
    subjects: set[str] = set()

    def counted() -> Iterator[tuple[Clip, np.ndarray]]:
        for clip, positions in all_clips(options):
            subjects.add(clip.subject)
            yield replace(clip, frames_per_second=round(clip.frames_per_second, 3)), positions

    try:
        unit_mm = None if options.float else 0.25
        clips, frames = write_motion_clips(options.output, counted(), HUMAN36M, unit_mm, options.about)
    except Lift3dError as error:
        raise SystemExit(str(error)) from error
    print(f"{options.output}: {clips} clips, {frames} frames of {len(subjects)} subjects")


if __name__ == "__main__":
    main()
