"""The parent's side of trials: it survives whatever a library does when it is imported or run."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress

from mnist_deploy import quiet
from mnist_deploy.benchmark import process, workers
from mnist_deploy.benchmark.listening import GarbledError, SilenceError, events
from mnist_deploy.benchmark.trial import EVENT, Died, Ended, Finding, Imported, Order, Trial
from mnist_deploy.runtimes import RUNTIMES


def attempt(trials: Sequence[Trial], limit_s: float | None, on_end: Callable[[Trial], None]) -> list[Finding]:
    """Try everything in processes of their own, all with the environment of the first one's runtime.

    Args:
        trials: of one library and environment, or of modules only.
        limit_s: how long an import or a run may take.
        on_end: is told each trial that has ended.
    """
    found: dict[int, Finding] = {}
    while len(found) < len(trials):
        open_ = [number for number in range(len(trials)) if number not in found]
        imported, ends, death = _converse([trials[number] for number in open_], limit_s, on_end)
        found |= {open_[place]: finding for place, finding in ends.items()}
        left = [number for number in open_ if number not in found]
        if left and (death is not None or not ends):
            death = death or Finding(reason="the worker process ended without a word")
            # A library that does not get through its import here would not get further in another process.
            blamed = trials[left[0]].module
            alike = [number for number in left if trials[number].module == blamed]
            if blamed in imported:
                alike = left[:1]
            else:
                death = death.model_copy(update={"broken": blamed})
            for number in alike:
                found[number] = death
                on_end(trials[number])
    return [found[number] for number in range(len(trials))]


def _converse(
    trials: list[Trial], limit_s: float | None, on_end: Callable[[Trial], None]
) -> tuple[set[str], dict[int, Finding], Finding | None]:
    """Let one process try; return the modules imported, how trials ended by their place, and how it died, if it did."""
    runtime = trials[0].runtime
    added = RUNTIMES[runtime].environment if runtime else {}
    imported: set[str] = set()
    ends: dict[int, Finding] = {}
    with tempfile.TemporaryFile() as errors:
        # As the benchmark's hosts: nothing of the user's working directory stands in for a library.
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "mnist_deploy.benchmark.trial"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None if quiet.debugging() else errors,
            env={**process.environment(), **added}, start_new_session=True,
        )  # fmt: skip
        assert child.stdin is not None and child.stdout is not None
        try:
            with suppress(BrokenPipeError):  # it died before it read: how, is told below
                child.stdin.write(Order(trials=trials, limit_s=limit_s).model_dump_json().encode())
                child.stdin.close()
            for event in events(child.stdout, EVENT, limit_s and limit_s + workers.GRACE_S):
                if isinstance(event, Imported):
                    imported.add(event.module)
                    continue
                if event.trial >= len(trials):
                    raise GarbledError(f"spoke of trial {event.trial} of {len(trials)}")
                match event:
                    case Ended(trial=place, finding=finding):
                        ends[place] = finding
                    case Died(trial=place, code=code):
                        ends[place] = _death(code, limit_s, workers.stderr_tail(errors))
                on_end(trials[event.trial])
                if len(ends) == len(trials):
                    return imported, ends, None
            code = child.wait(workers.GRACE_S)
            return imported, ends, _death(code, limit_s, workers.stderr_tail(errors)) if code else None
        except GarbledError as error:
            return imported, ends, Finding(reason=f"the worker process {error}")
        except (SilenceError, subprocess.TimeoutExpired):
            return imported, ends, Finding(reason=f"took longer than {limit_s or 0:g} s")
        finally:
            process.kill(child)


def _death(code: int, limit_s: float | None, words: str) -> Finding:
    return Finding(reason=workers.how_it_died(code, limit_s or 0) + words, signal=-code if code < 0 else None)
