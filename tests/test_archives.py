import io
import os
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_deploy.archives import ArchiveError, Limits, opened
from mnist_deploy.errors import DataError

LIMITS = Limits(members=3, total_bytes=10_000)
NAMED = Limits(members=3, total_bytes=10_000, names=frozenset({"a.txt", "b.txt"}))
LINK, FIFO = 0o120777, 0o010644


def archive(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as made:
        for name, content in members:
            made.writestr(name, content)
    return path


def special(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def read(path: Path, limits: Limits = LIMITS) -> dict[str, bytes]:
    with opened(path, limits) as found:
        return {name: found.read(name) for name in found.namelist()}


def test_what_is_within_the_limits_is_read(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", ("a.txt", b"one"), ("b.txt", b"two" * 3000))
    assert read(path, NAMED) == {"a.txt": b"one", "b.txt": b"two" * 3000}
    folder = archive(tmp_path / "b.zip", ("in/", b""), ("in/..a", b"dots"), ("in/b", bytes(10_000 - 4)))
    assert read(folder)["in/..a"] == b"dots"
    link = tmp_path / "link.zip"
    link.symlink_to(path)
    assert len(read(link)) == 2, "a link that its user named is the user's own"


REFUSED = {
    "too many members": ([(f"{number}", b"") for number in range(4)], LIMITS, "holds 4 members; the limit is 3"),
    "too many bytes": ([("a", bytes(9_000)), ("b", bytes(1_001))], LIMITS, "10,001 bytes; the limit is 10,000"),
    "up": ([("../up.txt", b"")], LIMITS, "names '../up.txt'; a name may not be absolute, hold '..'"),
    "up, further in": ([("in/../../up.txt", b"")], LIMITS, "a name may not"),
    "absolute": ([("/etc/passwd", b"")], LIMITS, "a name may not be absolute"),
    "drive": ([("C:/boot.ini", b"")], LIMITS, "a name may not be absolute"),
    "backslash": ([("..\\up.txt", b"")], LIMITS, "a name may not be absolute, hold '..' or a backslash"),
    "link": ([(special("a.txt", LINK), b"/etc/passwd")], LIMITS, "'a.txt' is a link or a special file"),
    "pipe": ([(special("a.txt", FIFO), b"")], LIMITS, "'a.txt' is a link or a special file"),
    "other names": ([("a.txt", b""), ("c.txt", b"")], NAMED, "holds 'c.txt'; only a.txt, b.txt belong in it"),
    "a large directory": (
        [("a" * 60_000 + str(number), b"") for number in range(3)], LIMITS,
        "its directory is larger than 128 KiB, which is the limit",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_beyond_them_is_refused_with_the_limit(case: str, tmp_path: Path) -> None:
    members, limits, says = REFUSED[case]
    with pytest.raises(ArchiveError) as caught:
        read(archive(tmp_path / "bad.zip", *members), limits)
    assert says in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"holds 'a\.txt' 2 times"):
        read(archive(tmp_path / "bad.zip", ("a.txt", b"one"), ("b.txt", b""), ("a.txt", b"other")))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods_are_refused(method: int, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=f"'a' is packed by method {method}; only deflate is read"):
        read(archive(tmp_path / "bad.zip", ("a", b"content"), method=method))


def patched(path: Path, offset: int, form: str, value: int) -> Path:
    """Write another value into the directory's first entry."""
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, content.index(b"PK\x01\x02") + offset, value)
    path.write_bytes(content)
    return path


def test_encryption_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="'a' is encrypted; give it without a password"):
        read(patched(archive(tmp_path / "bad.zip", ("a", b"content")), 8, "<H", 1))


def test_a_directory_that_lies(tmp_path: Path) -> None:
    bomb = archive(tmp_path / "bomb.zip", ("a", bytes(5_000_000)))
    assert bomb.stat().st_size < 5_200
    with pytest.raises(ArchiveError, match=r"unpacks to 5,000,000 bytes; the limit is 10,000"):
        read(bomb)
    # It says that 100 bytes are in it: no more of it is unpacked, and its checksum does not hold.
    with pytest.raises(ArchiveError, match="Bad CRC-32"):
        read(patched(bomb, 24, "<I", 100))
    # It says that there is more than there is: there is no more.
    short = archive(tmp_path / "short.zip", ("a", b"content"), method=zipfile.ZIP_STORED)
    assert read(patched(short, 24, "<I", 9_000)) == {"a": b"content"}


def test_no_archive_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("seven\n" * 99_999)
    with pytest.raises(ArchiveError, match="not a zip file"):
        read(tmp_path / "text")
    with pytest.raises(ArchiveError, match="No such file"):
        read(tmp_path / "none")
    with pytest.raises(ArchiveError, match="not a regular file"):
        read(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_pipe_and_a_device_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ArchiveError, match="not a regular file"):
            read(path)


def test_the_readers_own_errors_pass(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", ("a", b""))
    with pytest.raises(DataError, match="mine"), opened(path, LIMITS):
        raise DataError("mine")
    with pytest.raises(ArchiveError, match=r"^first line$"), opened(path, LIMITS):
        raise ValueError("first line\nsecond line")


def whole() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a", b"seven" * 100)
        made.writestr("b", b"eight")
    return stream.getvalue()


WHOLE = whole()


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged") / "it.zip"


@settings(max_examples=300, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_damaged_bytes_are_read_or_refused(damaged: Path, changes: list[tuple[int, int]]) -> None:
    content = bytearray(WHOLE)
    for place, value in changes:
        content[place] = value
    damaged.write_bytes(content)
    try:
        found = read(damaged)
    except ArchiveError as error:
        assert "\n" not in str(error)
    else:
        assert sum(map(len, found.values())) <= LIMITS.total_bytes
