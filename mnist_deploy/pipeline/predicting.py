"""Classify image files by one artifact in one runtime."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from pydantic import BaseModel

from mnist_deploy import preprocessing, versions
from mnist_deploy.benchmark import process
from mnist_deploy.benchmark.schedule import Cell, Session
from mnist_deploy.dataset import FloatArray, UInt8Array
from mnist_deploy.errors import ArtifactError, UnavailableError
from mnist_deploy.preprocessing import ImageError, Picture

TOP = 3
OPENCV = "opencv-python-headless"


class Guess(BaseModel):
    """A digit and its probability by the network: a softmax's output, dequantised where the artifact is int8."""

    digit: int
    probability: float


class Prediction(BaseModel):
    """The most probable digits of one image, best first, and in what the picture is unlike MNIST's.

    No digits, and an `error`, for one that could not be read.
    """

    image: str
    classes: list[Guess]
    cautions: list[str] = []
    error: str | None = None


def predict(cell: Cell, sources: Sequence[str], stdin: BinaryIO | None = None) -> list[Prediction]:
    """Classify the images at paths, or on standard input for '-', one a call.

    One a call, so that no image's answer hangs on its neighbours: dynamic ONNX takes its ranges over the whole batch.

    Returns:
        One prediction for each source, in their order.

    Raises:
        ArtifactError: the runtime cannot run the artifact.
        UnavailableError: what reads pictures is not installed.
    """
    if not versions.importable("cv2"):
        raise UnavailableError(f"{OPENCV} is not installed; run: pip install {OPENCV}")
    read: dict[int, Picture] = {}
    made = [Prediction(image=source, classes=[]) for source in sources]
    for number, source in enumerate(sources):
        try:
            read[number] = preprocessing.load(source, stdin)
        except ImageError as error:
            made[number].error = str(error)
    if read:
        pixels = np.stack([picture.pixels for picture in read.values()])
        for (number, picture), row in zip(read.items(), scores(cell, pixels), strict=True):
            made[number].classes = top(row)
            made[number].cautions = picture.all_cautions(made[number].classes[0].probability)
    return made


def scores(cell: Cell, pixels: UInt8Array) -> FloatArray:
    """Return the scores, float32 (N, 10), of images uint8 (N, 28, 28), computed in a process of their own.

    Raises:
        ArtifactError: the runtime cannot run the artifact.
    """
    session = Session(cell.runtime, cell.device, cell.use.threads, (cell,))
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images.npy"
        np.save(images, pixels)
        outcome = process.work(session.request(images), lambda event: None)
    if outcome.failed:
        raise ArtifactError(f"{cell.label}: {outcome.failed[0]}; try: mnist-deploy doctor --runtime {cell.runtime}")
    return np.asarray(outcome.arrays["scores.0"], np.float32)


def top(row: FloatArray) -> list[Guess]:
    """Return the best digits of one image's scores, (10,), best first."""
    best = np.argsort(-row, kind="stable")[:TOP]
    return [Guess(digit=int(digit), probability=float(row[digit])) for digit in best]
