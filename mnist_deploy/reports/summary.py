"""The summary of a step of GitHub Actions: markdown that its page shows."""

import os
from pathlib import Path

from mnist_deploy.errors import UsageError
from mnist_deploy.reports.markup import shortened

VARIABLE = "GITHUB_STEP_SUMMARY"
# "Job summaries are isolated between steps and each step is restricted to a maximum size of 1MiB": GitHub's page
# "Workflow commands for GitHub Actions". A larger one is not shown at all.
LIMIT_BYTES = 2**20
_CUT = "**Cut here:** a step's summary may have 1 MiB. All of it is in the command's own output."


def append_to_step_summary(markdown: str) -> None:
    """Append `markdown` to the file that GITHUB_STEP_SUMMARY names; do nothing where that is not set.

    What would pass GitHub's limit, with what stands there already, is cut at a line, and a line says so.

    Raises:
        UsageError: the file cannot be written.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        return
    path = Path(name)
    try:
        taken = path.stat().st_size if path.exists() else 0
        # A blank line parts it from what another command wrote, so that neither continues the other's last paragraph.
        text = shortened(("\n" if taken else "") + markdown.rstrip("\n") + "\n", LIMIT_BYTES - taken, _CUT)
        with path.open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except OSError as error:
        raise UsageError(f"{VARIABLE}={path}: not writable ({error.strerror}); unset it, or mend the path") from error
