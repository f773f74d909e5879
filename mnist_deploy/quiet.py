"""Silence the frameworks' own chatter, in this process and in its children, and what they would send home."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout

DEBUG_VARIABLE = "MNIST_DEPLOY_DEBUG"

# TensorFlow and LiteRT read these once, when their libraries are loaded.
CHATTER = {"TF_CPP_MIN_LOG_LEVEL": "3", "GLOG_minloglevel": "3"}


def without_telemetry() -> None:
    """Keep OpenVINO and NNCF, imported after this call, from sending usage data.

    The import of either would fork a process that sends it: nobody was asked, and it would run beside what is
    measured. Without the package openvino_telemetry both fall back to stubs of their own.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


def debugging() -> bool:
    """Tell whether the user asked to see everything (`--debug`)."""
    return os.environ.get(DEBUG_VARIABLE, "") not in {"", "0"}


@contextmanager
def quiet() -> Iterator[None]:
    """Send file descriptors 1 and 2, Python's streams, warnings and log records to nowhere.

    C++ libraries write to the descriptors themselves, so redirecting `sys.stderr` alone would miss them. Whoever
    wants to be heard meanwhile holds a duplicate of the descriptor, made before. Does nothing under `--debug`.
    """
    if debugging():
        yield
        return
    os.environ.update({name: os.environ.get(name, value) for name, value in CHATTER.items()})
    sys.stdout.flush()
    sys.stderr.flush()
    with ExitStack() as stack:
        sink = stack.enter_context(open(os.devnull, "w"))
        for descriptor in (1, 2):
            saved = os.dup(descriptor)
            stack.callback(os.close, saved)
            stack.callback(os.dup2, saved, descriptor)
            os.dup2(sink.fileno(), descriptor)
        stack.enter_context(redirect_stdout(sink))
        stack.enter_context(redirect_stderr(sink))
        stack.enter_context(warnings.catch_warnings(action="ignore"))
        logging.disable(logging.ERROR)
        stack.callback(logging.disable, logging.NOTSET)
        yield
