"""SECURITY.md promises what the code keeps: each of its numbers is the constant's."""

import re
from pathlib import Path

import pytest

from mnist_deploy import archives, dataset, documents, preprocessing
from mnist_deploy.benchmark import bounds, listening
from mnist_deploy.data import folders, recognition
from mnist_deploy.training import loading

POLICY = " ".join((Path(__file__).parents[1] / ".github" / "SECURITY.md").read_text(encoding="utf-8").split())
KIB, MIB, GIB = 1024, 1024**2, 1024**3


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (r"no less than (\d+) GiB", [bounds.LEAST_BYTES / GIB]),
        (r"file that it writes \((\d+) GiB\)", [bounds.FILE_BYTES / GIB]),
        (r"in length \((\d+) MiB a line\)", [listening.MAX_LINE_BYTES / MIB]),
        (r"(\d+) members of (\d+) GiB in all, a", [loading.LIMITS.members, loading.LIMITS.total_bytes / GIB]),
        (r"configuration of at most (\d+) MiB", [loading.MAX_CONFIG_BYTES / MIB]),
        (r"at most ([\d,]+) images an array", [dataset.MAX_IMAGES]),
        (r"at most (\d+) members of (\d+) GiB", [dataset.NPZ_LIMITS.members, dataset.NPZ_LIMITS.total_bytes / GIB]),
        (r"directory of at most (\d+) KiB", [archives.MAX_DIRECTORY_BYTES / KIB]),
        (r"of at most (\d+) MiB and", [preprocessing.MAX_BYTES / MIB]),
        (r"(\d+) million pixels", [preprocessing.MAX_PIXELS / 1e6]),
        (r"documents\*\* have at most (\d+) MiB", [documents.MAX_BYTES / MIB]),
        (r"labels are 0 to (\d)", [dataset.CLASSES - 1]),
        (r"no data (\d+) bytes", [recognition.HEAD_BYTES]),
        (r"lacks files, ([\d,]+) entries", [folders.MAX_ENTRIES]),
    ],
)
def test_a_number_is_the_codes(words: str, values: list[float]) -> None:
    found = re.search(words, POLICY)
    assert found and [float(one.replace(",", "")) for one in found.groups()] == values


def test_words_are_the_codes() -> None:
    assert "four fifths of what is free" in POLICY and bounds.SHARE == 0.8
    assert "PNG, JPEG, WebP, BMP, TIFF or GIF" in POLICY
    assert preprocessing.FORMATS == ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
    assert "no `Lambda`" in POLICY and "Lambda" in loading.REFUSED
