"""The summary of a step of GitHub Actions."""

import os
from pathlib import Path

VARIABLE = "GITHUB_STEP_SUMMARY"


def append_to_step_summary(markdown: str) -> None:
    """Append Markdown to the file that GitHub Actions names for a step's summary; elsewhere do nothing."""
    name = os.environ.get(VARIABLE)
    if name:
        with Path(name).open("a", encoding="utf-8") as stream:
            stream.write(markdown.rstrip("\n") + "\n")
