"""Cut the first frames of videos without re-encoding: how the demo's footage was made.

    python data_tools/cut_demo_footage.py SOURCE_FOLDER TARGET_FOLDER [--frames 81]

The source is the ``Demo_SinglePerson`` footage of the package pose2sim (BSD 3-Clause). 81 packets end all four
videos on a closed group of pictures: no frame is lost to one that would refer to it.
"""

from __future__ import annotations

import argparse
from itertools import islice, pairwise
from pathlib import Path

import av

from lift3d._files import writing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--frames", type=int, default=81)
    arguments = parser.parse_args()
    for video in sorted(arguments.source.glob("*.mp4")):
        cut(video, arguments.target / video.name, arguments.frames)


def cut(source: Path, target: Path, frames: int) -> None:
    """Copy the first packets of a video's picture stream; checks that as many frames decode, evenly spaced."""
    with writing(target) as temporary, av.open(str(source)) as read, av.open(str(temporary), "w") as write:
        stream = read.streams.video[0]
        copy = write.add_stream_from_template(stream)
        for packet in islice((packet for packet in read.demux(stream) if packet.dts is not None), frames):
            packet.stream = copy
            write.mux(packet)
    with av.open(str(target)) as check:
        times = [frame.pts for frame in check.decode(video=0)]
    steps = {later - earlier for earlier, later in pairwise(times) if earlier is not None and later is not None}
    assert len(times) == frames, f"{target}: {len(times)} frames"
    assert len(steps) == 1, f"{target}: the cut loses frames; try another number"


if __name__ == "__main__":
    main()
