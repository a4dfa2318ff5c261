"""Stills and videos: artists lie where the joints are, axes have units, videos have all frames."""

import math
from dataclasses import replace

import av
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from lift3d.errors import InputError, ShapeError, UnknownNameError
from lift3d.poses import Poses3D
from lift3d.viewing import plot_contact_sheet, plot_keypoints, plot_poses, save_video
from lift3d.viewing._figures import bone_side


def lines_3d(axes):
    return [np.array(line.get_data_3d()).T for line in axes.lines]


def test_bones_end_at_the_joints(poses):
    axes = plot_poses(poses, 7).axes[0]
    edges = poses.skeleton.edges
    drawn = lines_3d(axes)
    assert len(drawn) == len(edges)
    for line, (parent, child) in zip(drawn, edges, strict=True):
        np.testing.assert_allclose(line, poses.positions[7, 0, [parent, child]].numpy())
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_zlabel()) == ("x [m]", "y [m]", "z [m]")


def test_missing_joints_are_left_out_and_unseen_ones_hollow(poses):
    figure = plot_poses(poses, 3)
    figure._repr_png_()  # matplotlib sorts the dots by depth when it draws
    axes = figure.axes[0]
    wrist = poses.skeleton.index("left_wrist")
    assert len(axes.lines) == len(poses.skeleton.edges) - sum(wrist in edge for edge in poses.skeleton.edges)
    faint = [line for line in axes.lines if line.get_alpha() == 0.35]
    assert len(faint) == 1
    seen, hollow = axes.collections
    assert len(hollow.get_facecolor()) == 1
    np.testing.assert_allclose(hollow.get_facecolor()[0][:3], 1.0)
    assert len(seen.get_facecolor()) == 15


def test_a_camera_frame_stands_upright(poses):
    down = torch.stack([poses.positions[..., 1], -poses.positions[..., 2], poses.positions[..., 0]], dim=-1)
    axes = plot_poses(Poses3D.of(down, skeleton=poses.skeleton, frame="camera")).axes[0]
    heights = lines_3d(axes)[poses.skeleton.bones.index(poses.skeleton.bone("left_knee", "left_ankle"))][:, 2]
    np.testing.assert_allclose(heights, [0.5, 0.08])
    assert axes.get_zlabel() == "-y [m]"


def test_axes_have_equal_scales(poses, rig):
    axes = plot_poses(poses, rig=rig).axes[0]
    ranges = np.array([np.ptp(limits) for limits in (axes.get_xlim(), axes.get_ylim(), axes.get_zlim())])
    scales = ranges / axes.get_box_aspect()
    np.testing.assert_allclose(scales, scales[0])


def test_cameras_stand_where_they_are(poses, rig):
    axes = plot_poses(poses, rig=rig).axes[0]
    assert {text.get_text() for text in axes.texts} == set(rig.names)
    apexes = np.array([line[0] for line in lines_3d(axes)[len(poses.skeleton.edges) :] if len(line) == 2])
    for centre in rig.cameras.centre.numpy():
        assert np.isclose(apexes, centre).all(-1).sum() == 4


def test_keypoints_are_drawn_at_their_pixels(keypoints):
    axes = plot_keypoints(keypoints, "cam02", 3).axes[0]
    pixels = keypoints.pixels[1, 3, 0]
    seen = torch.isfinite(pixels).all(-1)
    np.testing.assert_allclose(axes.collections[0].get_offsets(), pixels[seen].numpy())
    line = axes.lines[0].get_xydata()
    np.testing.assert_allclose(line, pixels[list(keypoints.skeleton.edges[0])].numpy())
    assert axes.get_xlim() == (-0.5, 639.5)
    assert axes.get_ylim() == (479.5, -0.5)  # y grows downwards


def test_a_picture_lies_under_the_keypoints(keypoints):
    image = torch.zeros(480, 640, 3, dtype=torch.uint8)
    axes = plot_keypoints(keypoints, "cam01", image=image).axes[0]
    assert axes.images[0].get_extent() == [-0.5, 639.5, 479.5, -0.5]
    with pytest.raises(ShapeError):
        plot_keypoints(keypoints, "cam01", image=image[..., 0])


def test_unknown_image_sizes_still_have_y_down(keypoints):
    unknown = replace(keypoints, image_sizes=torch.full((2, 2), math.nan))
    assert plot_keypoints(unknown, "cam01").axes[0].yaxis_inverted()


def test_a_contact_sheet_shows_the_first_and_the_last_frame(poses):
    figure = plot_contact_sheet(poses, count=4, columns=2)
    assert [axes.get_title() for axes in figure.axes] == [
        "frame 0, 0.00 s", "frame 6, 0.20 s", "frame 13, 0.43 s", "frame 19, 0.63 s",
    ]  # fmt: skip
    assert len(plot_contact_sheet(poses.between(0, 2)).axes) == 2


def test_figures_show_themselves_without_global_state(poses):
    import sys

    assert plot_poses(poses)._repr_png_().startswith(b"\x89PNG")
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


def test_axes_of_ones_own_are_used(poses, keypoints):
    figure = Figure()
    axes = figure.add_subplot(1, 2, 1, projection="3d")
    flat = figure.add_subplot(1, 2, 2)
    assert plot_poses(poses, ax=axes) is figure
    assert plot_keypoints(keypoints, "cam01", ax=flat) is figure
    with pytest.raises(InputError, match="3d"):
        plot_poses(poses, ax=flat)


def test_wrong_input_is_refused(poses, rig, keypoints, tmp_path):
    with pytest.raises(InputError, match="0 to 19"):
        plot_poses(poses, 20)
    with pytest.raises(InputError, match="one world"):
        plot_poses(replace(poses, frame="root"), rig=rig)
    with pytest.raises(UnknownNameError, match="cam01"):
        plot_keypoints(keypoints, "cam1")
    with pytest.raises(InputError, match="mp4"):
        save_video(poses, tmp_path / "walk.gif")
    with pytest.raises(InputError, match="even"):
        save_video(poses, tmp_path / "walk.mp4", size=(641, 480))


def test_bones_from_the_trunk_belong_to_the_limb(poses):
    skeleton = poses.skeleton
    assert bone_side(skeleton, skeleton.bone("nose", "left_eye")) == "left"
    assert bone_side(skeleton, skeleton.bone("left_hip", "right_hip")) == "middle"


def test_a_video_has_all_frames_at_its_size_and_rate(poses, tmp_path):
    path = save_video(poses.between(0, 5), tmp_path / "walk.mp4", fps=12.5, size=(160, 128), progress=False)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        assert float(stream.average_rate) == 12.5
    assert len(frames) == 5
    assert frames[0].shape == (128, 160, 3)
    assert frames[0].std() > 5  # something is drawn
    assert not np.array_equal(frames[0], frames[4])


def test_a_video_that_fails_leaves_nothing(poses, tmp_path, monkeypatch):
    def broken(*_):
        raise InputError("no")

    monkeypatch.setattr("lift3d.viewing.animation.plot_poses", broken)
    with pytest.raises(InputError):
        save_video(poses, tmp_path / "walk.mp4", progress=False)
    assert list(tmp_path.iterdir()) == []
