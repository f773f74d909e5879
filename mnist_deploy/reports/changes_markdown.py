"""A comparison of two results as Markdown that fits a comment on a pull request."""

import html

from mnist_deploy.decisions.change_records import Changes
from mnist_deploy.plural import counted
from mnist_deploy.reports.changes import Section, context, headline, sections, warnings
from mnist_deploy.reports.markup import escaped

# What GitHub takes for the text of a comment.
COMMENT_CHARACTERS = 65_536
# Room for the line that says what was left out.
LAST_LINE_CHARACTERS = 120


def markdown(found: Changes, limit: int = COMMENT_CHARACTERS) -> str:
    """Return GitHub's Markdown of at most `limit` characters: the finding, the warnings, and the tables.

    Rows that are too much for it are left out, and the last line says how many.
    """
    lines = [f"## mnist-deploy compare: {escaped(headline(found))}", ""]
    lines += [f"> **{escaped(line)}**\n>" for line in warnings(found)]
    lines += ["", *(f"- {escaped(line)}" for line in context(found)), ""]
    text, left = "\n".join(lines), 0
    for section in sections(found):
        added, missing = _section(section, limit - LAST_LINE_CHARACTERS - len(text))
        text, left = text + added, left + missing
    return text + (f"\n{counted(left, 'row')} more in the records: --format json\n" if left else "")


def _section(one: Section, room: int) -> tuple[str, int]:
    """Return a section that is no longer than `room`, and how many of its rows had to be left out."""
    title = f"{one.title} ({len(one.rows)})"
    above = f"\n<details><summary>{html.escape(title)}</summary>\n\n" if one.folded else f"\n### {escaped(title)}\n\n"
    above += _line((*one.texts, *one.numbers)) + _line(["---"] * len(one.texts) + ["---:"] * len(one.numbers))
    below = "".join(f"\n{escaped(note)}\n" for note in one.notes) + ("\n</details>\n" if one.folded else "")
    room -= len(above) + len(below)
    body, kept = "", 0
    for cells in one.rows:
        line = _line(cells)
        if len(body) + len(line) > room:
            break
        body, kept = body + line, kept + 1
    return (above + body + below if kept else ""), len(one.rows) - kept


def _line(cells: tuple[str, ...] | list[str]) -> str:
    return "| " + " | ".join(map(escaped, cells)) + " |\n"
