"""Values as GitHub's markdown shows them to the letter, and texts that keep GitHub's limits."""

import re
from collections.abc import Iterable

# Longer values say no more in a table; results from elsewhere may hold anything.
LONGEST = 300
_DETAILS = "</details>"
_PUNCTUATION = str.maketrans({character: f"\\{character}" for character in "\\`*[]~|$"})
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class Written(str):
    """Text that is markdown already."""

    __slots__ = ()


def escaped(value: object) -> Written:
    """Return `value` as markdown that shows it literally, on one line; fit for a cell of a table.

    Punctuation of markdown gets a backslash or, where HTML needs it, an entity. A zero-width space follows the @ of
    what would notify a person and the # of what would link an issue, as Renovate and Dependabot do: GitHub reads both
    after it has resolved entities.
    """
    if isinstance(value, Written):
        return value
    text = _one_line(str(value)).translate(_PUNCTUATION).translate(_ENTITIES)
    text = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)  # inside a word an underscore is only itself
    return Written(re.sub(r"@(?=\w)|#(?=\d)|(?<=GH-)(?=\d)", lambda found: f"{found[0]}&#8203;", text))


def code(value: object) -> Written:
    """Return `value` as a code span, which shows it literally. Not for cells of a table: they end at a bar in it."""
    text = _one_line(str(value))
    fence = "`" * (max((len(run) for run in re.findall(r"`+", text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return Written(f"{fence}{pad}{text}{pad}{fence}" if text else "")


def table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> Written:
    """Return a table of values, each shown literally."""
    lines = [list(head), *map(list, rows)]
    drawn = ["| " + " | ".join(escaped(cell) for cell in line) + " |" for line in lines]
    return Written("\n".join([drawn[0], "|" + " --- |" * len(lines[0]), *drawn[1:]]))


def shortened(text: str, limit_bytes: int, why: str) -> str:
    """Return `text` if it has at most `limit_bytes` in UTF-8; else its first lines, and `why` as the last.

    It is cut between two lines, and what is folded there is closed. Nothing is left if not even `why` fits.
    """
    if len(text.encode()) <= limit_bytes:
        return text
    end, close = f"\n{why}\n", f"\n{_DETAILS}\n"
    left = limit_bytes - len(f"{close}{end}".encode())
    if left < 0:
        return ""
    kept: list[str] = []
    for line in text.split("\n"):
        left -= len(line.encode()) + 1
        if left < 0:
            break
        kept.append(line + "\n")
    folded = sum(line.startswith("<details") for line in kept) - sum(line.startswith(_DETAILS) for line in kept)
    return "".join([*kept, close if folded else "", end])


def _one_line(text: str) -> str:
    """Return `text` without line breaks and control characters, and cut where it is endless."""
    text = "".join(character if character.isprintable() else " " for character in text)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"
