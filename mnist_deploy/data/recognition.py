"""What a file is that was given as data and is none that can be read: told by its first bytes, for the message."""

import gzip
import re
import zlib
from typing import BinaryIO

GZIP = b"\x1f\x8b"
NPY = b"\x93NUMPY"
ZIP = b"PK\x03\x04"
# So many bytes show what a file is; a tar archive says it in the 257th and on.
HEAD_BYTES = 512

_SAVE = "save its arrays with numpy.savez as x_train, y_train, x_test and y_test"
_UNPACK = "unpack it, and give the folder or .npz that comes out"
# First bytes -> what begins with them, and what to do.
_KINDS = {
    NPY: "one array; give an .npz with x_train, y_train, x_test and y_test",
    ZIP: "a zip archive or an .npz; give it by itself",
    b"\0\0\x08": "one IDX file; give the folder of all four",
    b"BZh": f"a bzip2 archive; {_UNPACK}",
    b"\xfd7zXZ\0": f"an xz archive; {_UNPACK}",
    b"7z\xbc\xaf": f"a 7-Zip archive; {_UNPACK}",
    b"\x89HDF\r\n\x1a\n": f"an HDF5 file; {_SAVE}",
    b"PAR1": f"a Parquet file; {_SAVE}",
    b"MATLAB 5.0 MAT-file": f"a MATLAB file; {_SAVE}",
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself; run: git lfs pull",
    b"\x89PNG": "an image; to classify it, run: mnist-deploy predict",
    b"\xff\xd8\xff": "an image; to classify it, run: mnist-deploy predict",
}
_TAR = (257, b"ustar")
# Protocol 2 and later; protocol numbers end at 5.
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_WEB_PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype html|html|head|body|\?xml|!--)", re.IGNORECASE)
_TEXT = re.compile(rb"[\t\r\n\x20-\x7e\x80-\xff]*")


def describe(head: bytes) -> str | None:
    """Return what begins with `head` and what to do with it; None if it is not known."""
    if not head:
        return "an empty file; fetch or copy it again"
    for magic, what in _KINDS.items():
        if head.startswith(magic):
            return what
    if head[_TAR[0] :].startswith(_TAR[1]):
        return f"a tar archive; {_UNPACK}"
    if _PICKLE.match(head):
        return f"a pickle, which is never loaded since it may run code; {_SAVE}"
    if _WEB_PAGE.match(head):
        return "a web page, not the file that it links to; download the file itself"
    if _TEXT.fullmatch(head):
        line = head.partition(b"\n")[0]
        return f"a {'CSV' if max(map(line.count, (b',', b';', b'	'))) > 1 else 'text'} file; {_SAVE}"
    return None


def describe_gzip(stream: BinaryIO) -> str:
    """Return what a gzip file holds and what to do with it; no more than the first bytes are unpacked."""
    try:
        with gzip.GzipFile(fileobj=stream) as unpacked:
            head = unpacked.read(HEAD_BYTES)
    except (OSError, EOFError, zlib.error):
        return "a damaged gzip file; fetch or copy it again"
    if head.startswith(ZIP):
        return "a gzip of an .npz or a zip; unpack it with gunzip, and give what comes out"
    what = describe(head)
    return f"a gzip of {what}" if what else f"a gzip file; {_UNPACK}"
