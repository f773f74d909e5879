"""Try whether libraries really start, in a process for it: import them, and run an artifact.

Run as `python -m mnist_deploy.benchmark.trial`, by `benchmark.attempts`. It reads an `Order` from its standard input
and writes a line of JSON for each library that it imported and for each trial. As in the benchmark's workers, the
library is imported once and each runtime has a process forked from there; where forking is not safe, one process tries
one runtime.
"""

import importlib
import os
import sys
from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, Field, TypeAdapter

from mnist_deploy import lifeline
from mnist_deploy.architectures import INPUT_SHAPE
from mnist_deploy.artifacts import Artifact, require_intact
from mnist_deploy.benchmark import bounds
from mnist_deploy.benchmark.messages import FORKS, Words
from mnist_deploy.benchmark.worker import limit, protected_stdout, reason, writer
from mnist_deploy.quiet import without_telemetry
from mnist_deploy.runtimes import RUNTIMES, Proof


class Trial(BaseModel, frozen=True):
    """What to try: to import `module` and, for a runtime, to use `device` and run `artifact`, if one is given."""

    module: str
    runtime: str | None = None
    device: str = "cpu"
    artifact: Artifact | None = None


class Order(BaseModel):
    """What one process is to try, one after the other; a step may take no longer than `limit_s`, None being forever."""

    trials: list[Trial]
    limit_s: float | None


class Imported(BaseModel):
    """A library is imported; who dies before has failed to."""

    event: Literal["imported"] = "imported"
    module: str


class Finding(BaseModel):
    """What a trial found out.

    Attributes:
        reason: why it failed; None if it did not.
        remedy: what mends it, where the runtime itself knows.
        broken: the module that could not be imported.
        proof: what ran the artifact; None where none was given.
        signal: the number of the signal that killed the process; None where it was not killed.
    """

    reason: Words | None = None
    remedy: str | None = None
    broken: str | None = None
    proof: Proof | None = None
    signal: int | None = None


class Ended(BaseModel):
    """A trial ended; it is named by its place in the order."""

    event: Literal["ended"] = "ended"
    trial: int = Field(ge=0)
    finding: Finding


class Died(BaseModel):
    """The process of a trial ended without a finding; negative codes are signals."""

    event: Literal["died"] = "died"
    trial: int = Field(ge=0)
    code: int


Event = Imported | Ended | Died
EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])


def main() -> None:
    """Do the order on standard input."""
    lifeline.tie(os.getppid())
    say = writer(protected_stdout())
    without_telemetry()
    order = Order.model_validate_json(sys.stdin.read())
    broken: dict[str, str] = {}
    for number, trial in enumerate(order.trials):
        limit(order.limit_s or 0)
        if trial.module not in broken:
            try:
                _import(trial)
                say(Imported(module=trial.module))
            except Exception as error:  # whatever a library raises is the finding
                broken[trial.module] = import_reason(error)
        limit(0)
        if trial.module in broken:
            say(Ended(trial=number, finding=Finding(reason=broken[trial.module], broken=trial.module)))
        elif trial.runtime is None:
            say(Ended(trial=number, finding=Finding()))
        elif not FORKS:
            say(Ended(trial=number, finding=use(trial)))
            return
        else:
            _fork(number, trial, order.limit_s, say)


def _fork(number: int, trial: Trial, limit_s: float | None, say: Callable[[Event], None]) -> None:
    host = os.getpid()
    child = os.fork()
    if child == 0:
        # As in the benchmark's workers, without the interpreter's long good-bye.
        code = 1
        try:
            lifeline.tie(host)
            bounds.set_bounds(memory=trial.device == "cpu")
            limit(limit_s or 0)
            say(Ended(trial=number, finding=use(trial)))
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code != 0:
        say(Died(trial=number, code=code))


def _import(trial: Trial) -> None:
    if trial.runtime is not None:
        RUNTIMES[trial.runtime].preload()
    else:
        importlib.import_module(trial.module)


def use(trial: Trial) -> Finding:
    """Use a runtime whose library is imported: what else it needs, the device, and one blank image, if it can."""
    runtime = RUNTIMES[trial.runtime or ""]
    for module in runtime.needs:
        try:
            importlib.import_module(module)
        except Exception as error:
            return Finding(reason=import_reason(error), broken=module)
    try:
        available = runtime.availability(trial.device)
        if not available.ok:
            return Finding(reason=available.reason or "not available", remedy=available.remedy)
        if trial.artifact is None:
            return Finding()
        require_intact(trial.artifact)
        with runtime(trial.artifact, device=trial.device, threads=1, batch_size=1) as loaded:
            scores = loaded.infer(np.zeros((1, *INPUT_SHAPE), np.float32))
            if not np.isfinite(scores).all():
                return Finding(reason="it answers a blank image with what is no number")
            return Finding(proof=loaded.proof())
    except Exception as error:
        return Finding(reason=reason(error))


def import_reason(error: Exception) -> str:
    """Return why an import failed in one line: by the innermost ImportError or OSError, which names what is missing.

    TensorFlow and others wrap it in pages of advice.
    """
    telling, below = error, _below(error)
    while below is not None:
        telling = below if isinstance(below, ImportError | OSError) else telling
        below = _below(below)
    return reason(telling)


def _below(error: BaseException) -> BaseException | None:
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


if __name__ == "__main__":
    main()
