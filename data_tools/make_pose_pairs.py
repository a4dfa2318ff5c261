"""Pairs of 2D detections and true 3D joints, in whatever files they come, to lift3d's own file of pairs.

    python -m data_tools.make_pose_pairs data_3d_h36m.npz data_2d_h36m_gt.npz --cameras metadata.xml -o h36m.h5
    python -m data_tools.make_pose_pairs h36m/ StackedHourglass -o h36m_sh.h5
    python -m data_tools.make_pose_pairs h36m_test.npz cpn_ft_h36m_dbb_test.npy --cameras cameras.pkl -o h36m_cpn.h5

The file written is read a stretch at a time, whatever its length; the others partly must be read whole. The layouts are
those of ``lift3d.datasets.pair_sources``.
"""

from __future__ import annotations

import argparse

from lift3d.datasets import read_pose_pairs, write_pose_pairs
from lift3d.datasets.pose_pairs import pair_formats
from lift3d.errors import Lift3dError

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> None:
    """See the head of this module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="file or folder of the 3D")
    parser.add_argument("detections", nargs="?", help="file of the 2D, where it is one of its own")
    parser.add_argument("-o", "--output", required=True, help="file of pairs to write (.h5)")
    parser.add_argument("--cameras", help="calibration, where the data holds none")
    parser.add_argument("--format", choices=list(pair_formats()), help="layout, where it cannot be told")
    parser.add_argument("--fps", type=float, help="frames a second, where the data does not say")
    parser.add_argument("--subjects", nargs="*", help="subjects to take; by default all")
    parser.add_argument("--about", default="", help="source and licence of the data; kept in the file")
    options = parser.parse_args(arguments)
    try:
        pairs = read_pose_pairs(
            options.data, options.detections, options.format, cameras=options.cameras, fps=options.fps
        )
        pairs = pairs.only(subjects=options.subjects)
        write_pose_pairs(pairs, options.output, options.about)
    except Lift3dError as error:
        raise SystemExit(str(error)) from error
    print(f"{options.output}: {len(pairs.clips)} clips, {pairs.frames} frames, {pairs.keypoint_skeleton.name} seen")


if __name__ == "__main__":
    main()
