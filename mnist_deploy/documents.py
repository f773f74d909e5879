"""JSON files that tell whether they still hold what was written: each carries a checksum of its own content.

It shows damage and slips of the hand. It is no signature: who may write a file may write its checksum too.
"""

import hashlib
import json
from math import inf
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

SEAL = "content_sha256"
# A whole run's results take 2 to 3 MB. Parsed, JSON takes some ten times its size in memory.
MAX_BYTES = 64 * 1024**2


def sealed(text: str) -> str:
    """Return the text of a JSON object with the SHA-256 of its content for one more field."""
    content = json.loads(text)
    content.pop(SEAL, None)
    return json.dumps({**content, SEAL: _digest(content)}, indent=1, ensure_ascii=False) + "\n"


def read(path: Path, *, sealed_since: float = inf) -> dict[str, Any]:
    """Return the JSON object in a file, without its checksum, which must be right where there is one.

    Args:
        path: of a regular file.
        sealed_since: the `schema_version` from which on there must be one.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no regular file, too large, not JSON in UTF-8, no object, or altered since it was written.
    """
    if not path.is_file():
        raise FileNotFoundError(path)
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES // 1024**2} MiB")
    try:
        content = json.loads(path.read_bytes().decode(), parse_constant=_refuse)
        if not isinstance(content, dict):
            raise ValueError("no JSON object")
        seal = content.pop(SEAL, None)
        version = content.get("schema_version")
        must = isinstance(version, int) and version >= sealed_since
        if seal != _digest(content) and (must or seal is not None):
            raise ValueError("altered since it was written, its checksum differs")
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return content


def invalid(error: ValueError) -> str:
    """Return what is wrong with a document; of all that a record refuses the first, with its place."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]


def _digest(content: dict[str, Any]) -> str:
    """Return the SHA-256 of an object however it is laid out: of its shortest text with the fields in order."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"holds {constant}, which JSON has no word for")
