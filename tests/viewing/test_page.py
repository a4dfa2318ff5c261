"""The page: its numbers are the poses', it is whole in itself, and no name can break out of it."""

import base64
import hashlib
import html
import json
import math
import re
import sys
from dataclasses import dataclass, replace
from types import ModuleType

import pytest
import torch

from lift3d.cameras import CameraRig
from lift3d.errors import FileError, InputError, UnknownNameError
from lift3d.keypoints import Keypoints2D
from lift3d.poses import Poses3D
from lift3d.skeletons import get_skeleton
from lift3d.viewing import Scene, view
from lift3d.viewing._page_data import match_frames, page_data

EVIL = "</script><script>alert(1)</script>"


def data_of(page: str) -> dict:
    """What the page's script reads."""
    block = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert block is not None
    return json.loads(block[1])


def test_positions_are_the_poses_in_millimetres_with_null_where_missing(poses):
    sequence = data_of(view(poses).html())["sequences"][0]
    shown = sequence["positions_mm"]
    assert len(shown) == 20
    assert shown[3][0][9] is None
    assert sequence["scores"][3][0][9] == 0
    assert sequence["scores"][7][0][10] == 0  # filled in, not seen: has a position all the same
    for frame, joint in ((0, 0), (7, 10), (19, 16)):
        expected = [round(1000 * value) for value in poses.positions[frame, 0, joint].tolist()]
        assert shown[frame][0][joint] == expected
    assert sequence["skeleton"]["joints"] == list(poses.skeleton.joints)
    assert sequence["skeleton"]["sides"][:3] == ["middle", "left", "right"]


def test_a_camera_frame_is_shown_upright(poses, rig):
    positions = rig["cam01"].world_to_camera(poses.positions.reshape(-1, 3)).reshape(poses.positions.shape)
    lifted = Poses3D.of(positions, skeleton=poses.skeleton, frame="camera")
    space = page_data(view(lifted))["spaces"][0]
    upright = torch.tensor(space["upright"]).double()
    heights = (torch.nan_to_num(positions[0, 0]) @ upright.T)[:, 2]
    assert heights[poses.skeleton.index("nose")] > heights[poses.skeleton.index("left_knee")]
    assert space["floor"] == pytest.approx(0.08 - 1.2, abs=0.01)  # the camera is at 1.2 m, the ankles at 8 cm


def test_only_world_poses_share_the_rigs_world(poses, rig):
    data = page_data(view({"world": poses, "root": replace(poses, frame="root", up="-y")}, rig))
    assert [sequence["space"] for sequence in data["sequences"]] == [0, 1]
    assert [space["hasCameras"] for space in data["spaces"]] == [True, False]
    assert data["cameras"][0]["reprojected"][0] is not None
    assert data["cameras"][0]["reprojected"][1] is None


def test_reprojection_and_detections_are_pixels(poses, rig, keypoints):
    shown = page_data(view(poses, rig, keypoints))["cameras"][1]
    expected = rig["cam02"].project(poses.positions[5, 0])
    assert shown["name"] == "cam02"
    assert shown["size"] == [640, 480]
    for key in (shown["reprojected"][0], shown["detected"]["pixels"]):
        torch.testing.assert_close(torch.tensor(key[5][0]).double(), expected, atol=0.051, rtol=0)
        assert key[3][0][9] is None
    torch.testing.assert_close(
        torch.tensor(shown["calibration"]["centre"]).double(), rig["cam02"].centre, atol=1e-4, rtol=0
    )


def test_sequences_share_one_timeline(poses):
    later = replace(poses.between(5, 10), times=poses.times[5:10] + 0.004)
    data = page_data(view({"all": poses, "part": later}))
    own = data["sequences"][1]["positions_mm"]
    assert [frame is not None for frame in own] == [5 <= i < 10 for i in range(20)]
    assert own[6] == data["sequences"][0]["positions_mm"][6]


def test_frames_match_by_time_and_else_by_number():
    times = torch.arange(4).double() / 10
    assert match_frames(times, torch.arange(8).double() / 20) == [0, 2, 4, 6]
    assert match_frames(times, torch.tensor([0.1, 0.2]).double()) == [None, 0, 1, None]
    assert match_frames(times, torch.tensor([50.0, 50.1]).double()) == [0, 1, None, None]
    assert match_frames(times, torch.zeros(0).double()) == [None] * 4


def test_the_page_loads_nothing_and_allows_only_its_own_script(poses, rig, keypoints):
    page = view(poses, rig, keypoints).html()
    assert not re.search(r"https?://|//cdn|src=[\"']|<link|@import|url\(", page)
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    script = re.findall(r"<script>(.*?)</script>", page, re.S)
    assert len(script) == 1
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "@@" not in page


def test_names_from_files_cannot_break_out(poses, make_camera):
    rig = CameraRig.of({EVIL: make_camera(0.4)})
    skeleton = replace(poses.skeleton, joints=(EVIL, *poses.skeleton.joints[1:]))
    named = replace(poses, skeleton=skeleton)
    keypoints = Keypoints2D.of(rig.project(poses.positions), skeleton=skeleton, camera_names=[EVIL])
    scene = view({EVIL: named, "a & <b>": poses}, rig, keypoints, title=f'{EVIL} "x" @@data@@')
    page = scene.html()
    assert page.count("</script>") == 2  # the data's and the script's own
    assert "<script>alert" not in page
    assert data_of(page)["cameras"][0]["name"] == EVIL
    assert data_of(page)["sequences"][1]["label"] == "a & <b>"
    frame = scene._repr_html_()
    assert frame.count("<") == 2
    inside = re.search(r'srcdoc="([^"]*)"', frame)
    assert inside is not None
    assert html.unescape(inside[1]) == page


def test_the_script_never_makes_markup_from_text(poses):
    page = view(poses).html()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", page)


def test_three_sequences_of_a_hundred_frames_stay_small(make_walk):
    skeleton = get_skeleton("coco17")
    noisy = {name: Poses3D.of(make_walk(100) + torch.randn(100, 1, 17, 3) / 20, skeleton=skeleton) for name in "abc"}
    assert len(view(noisy).html().encode()) < 300_000


def test_saving_is_whole_or_not_at_all(poses, tmp_path, monkeypatch):
    path = tmp_path / "new" / "page.html"
    assert view(poses).save(path) == path
    before = path.read_text(encoding="utf-8")
    assert before.startswith("<!doctype html>")
    monkeypatch.setattr("pathlib.Path.write_text", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "disk full")))
    with pytest.raises(FileError, match="disk full"):
        view(poses.between(0, 2)).save(path)
    monkeypatch.undo()
    assert path.read_text(encoding="utf-8") == before
    assert [file.name for file in path.parent.iterdir()] == ["page.html"]


def test_detections_or_a_rig_alone_make_a_page(rig, keypoints):
    assert data_of(view(keypoints=keypoints).html())["spaces"] == []
    alone = data_of(view(rig=rig).html())
    assert alone["spaces"][0]["hasCameras"]
    assert alone["sequences"] == []


def test_unknown_image_sizes_are_guessed_or_null(poses, rig, keypoints):
    unknown = replace(keypoints, image_sizes=torch.full((2, 2), torch.nan, dtype=torch.float64))
    width = page_data(view(keypoints=unknown))["cameras"][0]["size"][0]
    assert width > torch.nan_to_num(keypoints.pixels[0, ..., 0]).max()
    nothing = replace(unknown, pixels=torch.full_like(keypoints.pixels, math.nan))
    assert page_data(view(keypoints=nothing))["cameras"][0]["size"] is None


def test_what_does_not_go_together_is_refused(poses, rig):
    with pytest.raises(InputError, match="nothing to show"):
        view()
    with pytest.raises(InputError, match=r"up '\+y' but the rig has '\+z'"):
        view(replace(poses, up="+y"), rig)
    with pytest.raises(InputError, match="labels repeat"):
        Scene((("a", poses), ("a", poses)))
    with pytest.raises(UnknownNameError, match="cam01"):
        view(poses, rig, videos={"cam1": "walk.mp4"})
    with pytest.raises(InputError, match="image_every=0"):
        view(poses, rig, videos={"cam01": "walk.mp4"}, image_every=0)


@dataclass(frozen=True)
class StubFrame:
    rgb: torch.Tensor
    time: float
    index: int


@pytest.fixture
def video(monkeypatch):
    """A video of 30 frames, 64 x 48, each of one grey; gives the numbers of the frames that were read."""
    asked: list[int] = []

    def read_frames(path):
        for index in range(30):
            asked.append(index)
            yield StubFrame(torch.full((48, 64, 3), 8 * index, dtype=torch.uint8), index / 30, index)

    stub = ModuleType("lift3d.video")
    stub.read_frames = read_frames
    monkeypatch.setitem(sys.modules, "lift3d.video", stub)
    return asked


def test_pictures_are_thinned_scaled_and_belong_to_their_frame(poses, rig, video):
    import io

    from PIL import Image

    part = poses.between(5, 15)
    scene = view(part, rig, videos={"cam01": "walk.mp4"}, image_width=32, image_every=4)
    shown = data_of(scene.html())["cameras"]
    assert sorted(shown[0]["images"], key=int) == ["0", "4", "8"]
    assert shown[1]["images"] == {}
    assert shown[0]["size"] == [64, 48]
    image = Image.open(io.BytesIO(base64.b64decode(shown[0]["images"]["4"])))
    assert image.size == (32, 24)
    assert image.getpixel((16, 12))[0] == pytest.approx(8 * 9, abs=3)  # the timeline's frame 4 is the video's 9
    assert max(video) == 15  # nothing is read behind the end


def test_a_video_of_another_time_is_refused(poses, rig, video):
    with pytest.raises(InputError, match="none of the frames 600 to 619"):
        view(replace(poses, times=poses.times + 20), rig, videos={"cam01": "walk.mp4"})
