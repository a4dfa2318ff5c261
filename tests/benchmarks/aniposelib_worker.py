"""Run aniposelib 0.8.0, which shares its import name with aniposelib-pytorch, in an environment of its own.

    PYTHON aniposelib_worker.py TASK.npz RESULT.npz

The task holds ``pixels`` (C, N, 2), the cameras as in ``rig_files``, ``bones`` (B, 2), ``method`` and ``repeats``; the
result ``points`` (N, 3) and ``seconds`` of processor time, one a repeat. A part of the points, before, warms up.
Nothing of lift3d is imported.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"

import contextlib  # noqa: E402
import io  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402

import cv2  # noqa: E402
import numpy as np  # noqa: E402
from aniposelib.cameras import Camera, CameraGroup  # noqa: E402

_WARM_UP_FRAMES = 10


def main(task: str, result: str) -> None:
    cv2.setNumThreads(1)
    with np.load(task) as file:
        arrays = {name: file[name] for name in file.files}
    group = CameraGroup([_camera(arrays, number) for number in range(len(arrays["pixels"]))])
    seconds = []
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        part = int(arrays["joints"]) * _WARM_UP_FRAMES
        _points(group, {**arrays, "pixels": arrays["pixels"][:, :part]})
        for _ in range(int(arrays["repeats"])):
            start = time.process_time()
            points = _points(group, arrays)
            seconds.append(time.process_time() - start)
    np.savez(result, points=np.asarray(points, np.float64).reshape(-1, 3), seconds=np.array(seconds))


def _camera(arrays: dict, number: int) -> Camera:
    return Camera(
        matrix=arrays["intrinsics"][number],
        dist=arrays["distortion"][number],
        size=(1920, 1080),
        rvec=cv2.Rodrigues(arrays["rotation"][number])[0].ravel(),
        tvec=arrays["translation"][number],
        name=f"cam{number}",
    )


def _points(group: CameraGroup, arrays: dict) -> np.ndarray:
    pixels, method = arrays["pixels"], str(arrays["method"])
    if method == "triangulate":
        return group.triangulate(pixels)
    if method == "triangulate_ransac":
        return group.triangulate_ransac(pixels)[0]
    joints = int(arrays["joints"])
    settings = {"triangulate_optim": {}, "triangulate_optim_best": {"init_ransac": True, "n_deriv_smooth": 2}}[method]
    tracks = pixels.reshape(len(pixels), -1, joints, 2)
    return group.triangulate_optim(tracks, constraints=arrays["bones"].tolist(), **settings)


if __name__ == "__main__":
    main(*sys.argv[1:])
