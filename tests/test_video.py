"""Frames come upright, in order, at their times; what cannot be read is refused in plain words."""

import itertools
import warnings

import av
import numpy as np
import pytest
import torch
from PIL import Image

from lift3d.errors import FileError
from lift3d.video import probe, read_frames

WIDTH, HEIGHT = 64, 48


def colours(index):
    """A picture by number: four quarters of different grey, all brighter with the number, up to 12."""
    picture, index = np.zeros((HEIGHT, WIDTH, 3), np.uint8), index % 12
    picture[: HEIGHT // 2, : WIDTH // 2] = 40 + 4 * index
    picture[: HEIGHT // 2, WIDTH // 2 :] = 90 + 4 * index
    picture[HEIGHT // 2 :, : WIDTH // 2] = 140 + 4 * index
    picture[HEIGHT // 2 :, WIDTH // 2 :] = 190 + 4 * index
    return picture


def write_video(path, frames=12, fps=25):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=fps)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", 4_000_000
        for index in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(colours(index), format="rgb24")))
        container.mux(stream.encode())
    return path


def turned(path):
    """The same file, marked as to be shown turned by 90 degrees clockwise, as phones do."""
    data = path.read_bytes()
    one, zero = (65536).to_bytes(4, "big"), bytes(4)
    upright = one + zero * 3 + one + zero * 3 + (1 << 30).to_bytes(4, "big")
    clockwise = zero + one + zero + (-65536).to_bytes(4, "big", signed=True) + zero * 4 + (1 << 30).to_bytes(4, "big")
    place = data.index(upright, data.index(b"tkhd"))
    path.write_bytes(data[:place] + clockwise + data[place + len(clockwise) :])
    return path


def quarters(rgb):
    """Mean grey of the four quarters, row by row."""
    height, width = rgb.shape[0] // 2, rgb.shape[1] // 2
    return [rgb[y : y + height, x : x + width].double().mean().item() for y in (0, height) for x in (0, width)]


@pytest.fixture
def video(tmp_path):
    return write_video(tmp_path / "walk.mp4")


def test_frames_in_order_at_their_times(video):
    frames = list(read_frames(video))
    assert [frame.index for frame in frames] == list(range(12))
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(12) / 25, atol=1e-9)
    for frame in frames:
        assert frame.rgb.shape == (HEIGHT, WIDTH, 3)
        assert frame.rgb.dtype == torch.uint8
        np.testing.assert_allclose(quarters(frame.rgb), np.array([40, 90, 140, 190]) + 4 * frame.index, atol=3)


def test_colours_are_red_green_blue(tmp_path):
    with av.open(str(tmp_path / "red.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        picture[..., 0] = 230
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    red, green, blue = next(read_frames(tmp_path / "red.mp4")).rgb.double().mean((0, 1)).tolist()
    assert red > 200
    assert max(green, blue) < 30


def test_probe_says_what_is_then_read(video):
    info = probe(video)
    assert (info.width, info.height, info.frames, info.fps) == (WIDTH, HEIGHT, 12, 25)


def test_a_turned_video_comes_upright(video):
    before = quarters(next(read_frames(video)).rgb)
    frame = next(read_frames(turned(video)))
    assert frame.rgb.shape == (WIDTH, HEIGHT, 3)
    assert frame.rgb.is_contiguous()
    np.testing.assert_allclose(quarters(frame.rgb), [before[2], before[0], before[3], before[1]], atol=1)
    assert (probe(video).width, probe(video).height) == (HEIGHT, WIDTH)


def test_frames_are_read_as_they_are_asked_for(video):
    frames = read_frames(video)
    assert [frame.index for frame in itertools.islice(frames, 3)] == [0, 1, 2]
    frames.close()


def test_folder_in_natural_order(tmp_path):
    for index in (10, 2, 1):
        Image.fromarray(colours(index)).save(tmp_path / f"view_{index}.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    frames = list(read_frames(tmp_path, fps=10))
    assert [round((quarters(frame.rgb)[0] - 40) / 4) for frame in frames] == [1, 2, 10]
    assert [frame.time for frame in frames] == [0, 0.1, 0.2]
    assert (probe(tmp_path, 10).frames, probe(tmp_path, 10).fps) == (3, 10)


def test_single_picture_turned_as_its_camera_says(tmp_path):
    picture = Image.fromarray(colours(0))
    exif = picture.getexif()
    exif[274] = 6  # to be shown turned by 90 degrees clockwise
    picture.save(tmp_path / "shot.png", exif=exif)
    (frame,) = read_frames(tmp_path / "shot.png")
    np.testing.assert_allclose(quarters(frame.rgb), [140, 40, 190, 90])
    assert (probe(tmp_path / "shot.png").width, probe(tmp_path / "shot.png").frames) == (HEIGHT, 1)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1"])
def test_pictures_of_every_kind_become_rgb(tmp_path, mode):
    Image.fromarray(colours(0)).convert(mode).save(tmp_path / "shot.png")
    assert next(read_frames(tmp_path / "shot.png")).rgb.shape == (HEIGHT, WIDTH, 3)


def test_sound_without_pictures(tmp_path):
    with av.open(str(tmp_path / "sound.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    with pytest.raises(FileError, match="no video stream"):
        list(read_frames(tmp_path / "sound.wav"))


def test_what_is_not_there_or_holds_nothing(tmp_path):
    with pytest.raises(FileError, match="no such file"):
        read_frames(tmp_path / "missing.mp4")
    with pytest.raises(FileError, match="holds no pictures"):
        read_frames(tmp_path)


def test_not_a_video(tmp_path):
    path = tmp_path / "words.mp4"
    path.write_text("these are words")
    with pytest.raises(FileError, match=r"words\.mp4: is not a video, or is damaged"):
        list(read_frames(path))
    with pytest.raises(FileError, match="is not a video"):
        probe(path)


def test_not_a_picture(tmp_path):
    path = tmp_path / "shot.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(FileError, match="cannot be read as a picture"):
        list(read_frames(path))


def test_pictures_of_two_sizes(tmp_path):
    Image.fromarray(colours(0)).save(tmp_path / "1.png")
    Image.fromarray(colours(0)[:20]).save(tmp_path / "2.png")
    with pytest.raises(FileError, match=r"2\.png: is 64 x 20 pixels, the pictures before it 64 x 48"):
        list(read_frames(tmp_path))


@pytest.fixture
def noise_video(tmp_path):
    """40 frames of noise, so that the pictures take most of the file; its index stands before them."""
    path, random = tmp_path / "noise.mp4", np.random.default_rng(0)
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for _ in range(40):
            noise = random.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_a_video_that_breaks_off_gives_what_there_is_and_says_so(noise_video):
    data = noise_video.read_bytes()
    noise_video.write_bytes(data[: len(data) // 2])
    with pytest.warns(UserWarning, match=r"noise\.mp4: only the first \d+ of 40 frames can be decoded"):
        frames = list(read_frames(noise_video))
    assert 5 < len(frames) < 40


def test_damage_in_the_middle_is_said(noise_video):
    data = bytearray(noise_video.read_bytes())
    middle = slice(len(data) // 2, len(data) // 2 + 500)
    data[middle] = bytes(byte ^ 0x5A for byte in data[middle])
    noise_video.write_bytes(data)
    with pytest.warns(UserWarning, match=r"noise\.mp4: .*(are damaged|can be decoded)"):
        list(read_frames(noise_video))


def test_a_whole_video_does_not_warn(video):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(read_frames(video))) == 12
