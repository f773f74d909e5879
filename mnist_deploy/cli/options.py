"""The options that commands share, and what they stand for."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_deploy.architectures import ARCHITECTURES
from mnist_deploy.errors import UsageError, unknown
from mnist_deploy.quiet import DEBUG_VARIABLE

if TYPE_CHECKING:
    from mnist_deploy.artifacts import ArtifactStore
    from mnist_deploy.benchmark.schedule import Plan
    from mnist_deploy.dataset import Dataset
    from mnist_deploy.parity import Gate
    from mnist_deploy.pipeline.diagnosing import Question
    from mnist_deploy.pipeline.figures import Baseline
    from mnist_deploy.pipeline.selection import Selection
    from mnist_deploy.progress import Progress

ARTIFACTS_VARIABLE = "MNIST_DEPLOY_ARTIFACTS"


def _debug(wanted: bool) -> bool:
    # Workers are told by the environment, so the whole program is.
    if wanted:
        os.environ[DEBUG_VARIABLE] = "1"
    return wanted


def _artifacts(folder: Path | None) -> Path | None:
    # Given before the command, it must reach the command's own option, which reads the environment.
    if folder is not None:
        os.environ[ARTIFACTS_VARIABLE] = str(folder)
    return folder


def _formats() -> list[str]:
    from mnist_deploy.exporters import EXPORTERS

    return list(EXPORTERS)


def _artifact_formats() -> list[str]:
    from mnist_deploy.artifacts import KERAS_FORMAT

    return [KERAS_FORMAT, *_formats()]


def _precisions() -> list[str]:
    from mnist_deploy.artifacts import Precision

    return list(Precision)


def _runtimes() -> list[str]:
    from mnist_deploy.runtimes import RUNTIMES

    return list(RUNTIMES)


def _devices() -> list[str]:
    from mnist_deploy.runtimes import DEVICES

    return list(DEVICES)


def _gate_limits() -> list[str]:
    from mnist_deploy.parity import GATES
    from mnist_deploy.parity.gates import LIMITS

    return [f"{gate}:{limit.replace('_', '-')}=" for gate in GATES for limit in LIMITS]


def _architectures() -> list[str]:
    return list(ARCHITECTURES)


def _completing(choices: Callable[[], list[str]]) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        return [choice for choice in choices() if choice.startswith(incomplete)]

    return complete


ArtifactsOption = Annotated[
    Path | None,
    typer.Option("--artifacts", metavar="DIR", envvar=ARTIFACTS_VARIABLE, callback=_artifacts,
                 help="Where artifacts are. [default: artifacts]"),
]  # fmt: skip
DebugOption = Annotated[
    bool, typer.Option("--debug", callback=_debug, help="Show tracebacks and what the frameworks print.")
]
DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="PATH", help="An .npz with Keras's keys or a folder of IDX files. [default: MNIST]"),
]
NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="Networks; none means all.", autocompletion=_completing(_architectures)),
]
SomeNamesArgument = Annotated[
    list[str], typer.Argument(metavar="NAME...", help="Networks.", autocompletion=_completing(_architectures))
]
FormatOption = Annotated[
    list[str] | None,
    typer.Option("--format", metavar="FORMAT",
                 help="saved_model, tflite, onnx, openvino, mnn or all; repeatable. [default: all but mnn]",
                 autocompletion=_completing(_formats)),
]  # fmt: skip
ArtifactFormatOption = Annotated[
    list[str] | None,
    typer.Option("--format", metavar="FORMAT",
                 help="keras, saved_model, tflite, onnx, openvino, mnn or all; repeatable.",
                 autocompletion=_completing(_artifact_formats)),
]  # fmt: skip
PrecisionOption = Annotated[
    list[str] | None,
    typer.Option("--precision", metavar="PRECISION", help="float32, float16, dynamic, int8 or all; repeatable.",
                 autocompletion=_completing(_precisions)),
]  # fmt: skip
RuntimeOption = Annotated[
    list[str] | None,
    typer.Option("--runtime", metavar="RUNTIME", autocompletion=_completing(_runtimes),
                 help="keras-predict, keras-call, tensorflow, litert, onnxruntime, openvino; on request "
                 "tensorflow-xla, keras-jax, litert-builtin, onnxruntime-openvino, onnxruntime-tensorrt, "
                 "onnxruntime-bound, openvino-default, iree, mnn; or all; repeatable. [default: those not on request]"),
]  # fmt: skip
DeviceOption = Annotated[
    list[str] | None,
    typer.Option("--device", metavar="DEVICE", help="cpu, gpu or all; repeatable. [default: what is here]",
                 autocompletion=_completing(_devices)),
]  # fmt: skip
GateOption = Annotated[
    list[str] | None,
    typer.Option("--gate", metavar="GATE:LIMIT=VALUE", autocompletion=_completing(_gate_limits),
                 help="Another limit, as int8:accuracy-kept=0.99 or float32:max-abs-error=none; repeatable."),
]  # fmt: skip
EpochsOption = Annotated[int | None, typer.Option("--epochs", min=1, help="[default: as many as the notebook]")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Of weights and shuffling.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the records as JSON instead of tables.")]
OneNameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="A network.", autocompletion=_completing(_architectures))
]
OneFormatOption = Annotated[
    str, typer.Option("--format", metavar="FORMAT", help="Its format.", autocompletion=_completing(_formats))
]
OnePrecisionOption = Annotated[
    str,
    typer.Option("--precision", metavar="PRECISION", help="Its precision.", autocompletion=_completing(_precisions)),
]
OneRuntimeOption = Annotated[
    str | None,
    typer.Option("--runtime", metavar="RUNTIME", autocompletion=_completing(_runtimes),
                 help="Where it runs. [default: the first that shows its layers]"),
]  # fmt: skip
QuickOption = Annotated[bool, typer.Option("--quick", help="Short measurement; every table says so.")]


def networks(names: list[str] | None) -> list[str] | None:
    """Return the valid names, each once, in the usual order; None for none named.

    Raises:
        UsageError: a name is no network's.
    """
    return _picked("architecture", names, _architectures)


def export_formats(names: list[str] | None) -> list[str]:
    """Return the valid export formats; for none named those that are not on request."""
    from mnist_deploy.exporters import DEFAULT_FORMATS

    return _picked("format", names, _formats) or (_formats() if names else DEFAULT_FORMATS)


def precisions(names: list[str] | None) -> list[str] | None:
    """Return the valid precisions; None for none named, or 'all'."""
    return _picked("precision", names, _precisions)


def selection(
    names: list[str] | None,
    format: list[str] | None,
    precision: list[str] | None,
    runtime: list[str] | None,
    device: list[str] | None,
) -> "Selection":
    """Return what the options of verify and bench select.

    Raises:
        UsageError: an option names nothing known.
    """
    from mnist_deploy.pipeline.selection import Selection

    return Selection(
        architectures=networks(names),
        formats=_picked("format", format, _artifact_formats),
        precisions=precisions(precision),
        runtimes=_picked_runtimes(runtime),
        devices=_picked("device", device, _devices),
    )


def question(name: str, format: str, precision: str, runtime: str | None, images: int) -> "Question":
    """Return what diagnose is asked.

    Raises:
        UsageError: an option names nothing known.
    """
    from mnist_deploy.artifacts import Precision
    from mnist_deploy.pipeline.diagnosing import Question

    asked = (("architecture", name, _architectures), ("format", format, _artifact_formats),
             ("precision", precision, _precisions), ("runtime", runtime, _runtimes))  # fmt: skip
    for kind, one, choices in asked:
        if one is not None and one not in choices():
            raise unknown(kind, one, choices())
    return Question(name, format, Precision(precision), runtime, images)


def plan(*, quick: bool, rigorous: bool, time_limit: str | None, end_to_end: bool) -> "Plan":
    """Return how much bench measures.

    Raises:
        UsageError: the options contradict each other, or the time is none.
    """
    from mnist_deploy.benchmark.schedule import QUICK, RIGOROUS_PASSES, Plan

    if quick and rigorous:
        raise UsageError("--quick and --rigorous contradict each other; give one of them")
    chosen: dict[str, object] = {"end_to_end": end_to_end}
    if rigorous:
        chosen |= {"more_passes": RIGOROUS_PASSES, "time_limit_s": None}
    if time_limit is not None:
        chosen["time_limit_s"] = duration_s("--time-limit", time_limit)
    return (QUICK if quick else Plan()).model_copy(update=chosen)


def duration_s(option: str, text: str) -> float | None:
    """Return the seconds that `text` means: '90', '90s', '1.5m', '2h'; None for 'none'.

    Raises:
        UsageError: it means no time above zero.
    """
    if text.strip().lower() == "none":
        return None
    match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(s|m|h|)\s*", text.lower())
    seconds = float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match else 0.0
    if seconds <= 0:
        raise UsageError(f"{option} {text}: not a time; give seconds or a unit, as 90, 90s, 5m, or none")
    return seconds


def baseline(text: str | None) -> "Baseline | None":
    """Return the baseline that `text` names, RUNTIME or RUNTIME:PRECISION; None for none named.

    Raises:
        UsageError: there is no such runtime or precision.
    """
    from mnist_deploy.artifacts import Precision
    from mnist_deploy.pipeline.figures import Baseline

    if text is None:
        return None
    runtime, _, precision = text.partition(":")
    if runtime not in _runtimes():
        raise unknown("runtime", runtime, _runtimes())
    if precision and precision not in _precisions():
        raise unknown("precision", precision, _precisions())
    return Baseline(runtime, Precision(precision or Precision.FLOAT32))


def gates(texts: list[str] | None) -> "dict[str, Gate]":
    """Return the gates with the limits that `texts` change, as 'int8:accuracy-kept=0.99' or '...=none'.

    Raises:
        UsageError: a text names no gate or limit, or no share or error.
    """
    from mnist_deploy import parity

    changes: dict[tuple[str, str], float | None] = {}
    for text in texts or []:
        name, _, value = text.partition("=")
        if f"{name}=" not in _gate_limits():
            raise unknown("gate", name, [known[:-1] for known in _gate_limits()])
        gate, _, limit = name.partition(":")
        changes[gate, limit.replace("-", "_")] = _share(text, value)
    return parity.changed(parity.GATES, changes)


def _share(text: str, value: str) -> float | None:
    if value == "none":
        return None
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise UsageError(f"--gate {text}: '{value}' is not a number from 0 to 1, nor none")
    return number


def _picked(kind: str, names: list[str] | None, choices: Callable[[], list[str]]) -> list[str] | None:
    for name in names or []:
        if name != "all" and name not in choices():
            raise unknown(kind, name, choices())
    if not names or "all" in names:
        return None
    return [choice for choice in choices() if choice in names]


def _picked_runtimes(names: list[str] | None) -> list[str] | None:
    """Return the valid runtimes, None for none named; 'all' means those on request too, but not the diagnostic ones."""
    from mnist_deploy.runtimes import RUNTIMES

    if names and "all" in names and _picked("runtime", names, _runtimes) is None:
        return [name for name, runtime in RUNTIMES.items() if not runtime.diagnostic or name in names]
    return _picked("runtime", names, _runtimes)


def store(artifacts: Path | None) -> "ArtifactStore":
    """Return the store at --artifacts, at the environment's folder, or at ./artifacts."""
    from mnist_deploy.artifacts import ArtifactStore

    return ArtifactStore(artifacts or Path("artifacts"))


def dataset(data: Path | None) -> "Dataset":
    """Load the data at --data, or the embedded MNIST."""
    from mnist_deploy import dataset as module

    return module.load(data)


def say_capped(threads: list[int] | None, cores: int, progress: "Progress") -> None:
    """Say that --threads asks for more than the `cores` that there are, if it does."""
    if any(count > cores for count in threads or []):
        progress.log(f"--threads: capped to {cores}, which is what affinity and cgroup leave to this process")


def progress() -> "Progress":
    """Return a bar on a terminal, plain lines elsewhere, on a stream of their own that `quiet` does not silence."""
    from rich.console import Console

    from mnist_deploy.interruption import Interruptible
    from mnist_deploy.reports.progress import BarProgress, LineProgress

    stream = os.fdopen(os.dup(sys.stderr.fileno()), "w", buffering=1, encoding=sys.stderr.encoding)
    console = Console(file=stream, highlight=False)
    return Interruptible(BarProgress(console) if console.is_terminal else LineProgress(console))
