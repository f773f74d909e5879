"""The command line. Parses, calls the library, prints; errors become one line and an exit code."""

import os
import sys
from collections.abc import Sequence

from mnist_deploy import interruption, resource_limits
from mnist_deploy.cli import streams
from mnist_deploy.cli.places import ARTIFACTS_VARIABLE
from mnist_deploy.errors import ClosedPipeError, MnistDeployError
from mnist_deploy.quiet import DEBUG_VARIABLE, debugging


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    0 if all is well, 1 for a failed check, 2 for bad use or what the machine or shell lacks, 130 if interrupted, 141 if
    the reader of stdout is gone.
    """
    streams.protect()
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        streams.require_stdout()
    except MnistDeployError as error:
        sys.exit(_explain(error, arguments))
    code = run(arguments)
    try:
        streams.finish()
    except MnistDeployError as error:
        code = _explain(error, arguments)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run the command line on `arguments` and return its exit code."""
    # Options are handed on in these; a program that calls this function must not find them changed.
    before = {name: os.environ.get(name) for name in (ARTIFACTS_VARIABLE, DEBUG_VARIABLE)}
    try:
        # Inside, since the import itself may lack memory or file handles.
        from mnist_deploy.cli.app import app

        with interruption.heeded():
            code = app(list(arguments) or ["--help"], prog_name="mnist-deploy", standalone_mode=False)
        return _interrupted() if code == 130 else int(code or 0)
    except Exception as error:
        # What a framework made of an interruption would say nothing to its user.
        return _interrupted() if interruption.noted() else _explain(error, arguments)
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _explain(error: Exception, arguments: Sequence[str]) -> int:
    """Say in one line what went wrong and return the exit code; under --debug raise it again."""
    if isinstance(error, ClosedPipeError):
        return error.exit_code
    # Typer's own complaints about options are worded for users; its classes are not part of its interface.
    worded = getattr(error, "format_message", None)
    if worded is not None:
        return _say(f"{worded()} (see {_help(error, arguments)})", 2)
    if debugging():
        raise error
    if isinstance(error, MnistDeployError):
        return _say(str(error), error.exit_code)
    limit = resource_limits.explain(error)
    if limit is not None:
        return _say(limit, 2)
    if isinstance(error, OSError) and isinstance(error.filename, str):
        return _say(f"{error.filename}: {error.strerror}; make it readable, or name another place", 2)
    lines = str(error).strip().splitlines() or [""]
    return _say(f"unexpected {type(error).__name__}: {lines[0]}; run again with --debug to see where", 1)


def _help(error: Exception, arguments: Sequence[str]) -> str:
    """Return the command that explains the options where an error is; Typer does not always know where that was."""
    from mnist_deploy.cli.app import COMMANDS

    context = getattr(error, "ctx", None)
    if context is not None:
        return f"{context.command_path} --help"
    command = next((word for word in arguments if word in COMMANDS), None)
    return " ".join(filter(None, ("mnist-deploy", command, "--help")))


def _interrupted() -> int:
    return _say(f"interrupted; {interruption.advice()}", 130)


def _say(line: str, code: int) -> int:
    """Print one line, in which nothing that came from a file or a name can steer the terminal."""
    words = " ".join(line.split())
    print("error: " + "".join(one if one.isprintable() else ascii(one)[1:-1] for one in words), file=sys.stderr)
    return code
