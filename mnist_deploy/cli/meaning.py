"""Conversion of option values to the library's types; errors name the option."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from mnist_deploy.cli import choices, effort, quantities, streams
from mnist_deploy.errors import UsageError, shown, unknown

_Told = TypeVar("_Told")

if TYPE_CHECKING:
    from mnist_deploy.artifacts import ArtifactStore, Variant
    from mnist_deploy.dataset import Dataset
    from mnist_deploy.decisions.records import Wishes
    from mnist_deploy.parity import Gate
    from mnist_deploy.pipeline.choosing import Wanted
    from mnist_deploy.pipeline.diagnosing import Question
    from mnist_deploy.pipeline.figures import Baseline
    from mnist_deploy.pipeline.processors import Emulation
    from mnist_deploy.pipeline.selection import Selection
    from mnist_deploy.progress import Progress
    from mnist_deploy.training import ComputeDtype


def networks(names: list[str] | None) -> list[str] | None:
    """Return the named networks without duplicates, in their standard order; None for all.

    Raises:
        UsageError: a name is not that of a network.
    """
    return _picked("architecture", names, choices.architectures)


def export_formats(names: list[str] | None) -> list[str]:
    """Return the named export formats; by default all but the opt-in ones.

    Raises:
        UsageError: a name is not that of an export format.
    """
    from mnist_deploy.exporters import DEFAULT_FORMATS

    return _picked("format", names, choices.formats) or (choices.formats() if names else DEFAULT_FORMATS)


def precisions(names: list[str] | None) -> list[str] | None:
    """Return the named precisions; None for all.

    Raises:
        UsageError: a name is not that of a precision.
    """
    return _picked("precision", names, choices.precisions)


def compute_dtype(name: str) -> "ComputeDtype":
    """Return the data type of a training's arithmetic.

    Raises:
        UsageError: `name` is not that of a compute data type.
    """
    from mnist_deploy.training import ComputeDtype

    if name not in choices.compute_dtypes():
        raise unknown("compute dtype", name, choices.compute_dtypes())
    return ComputeDtype(name)


def variants(names: list[str] | None) -> list[str] | None:
    """Return the named variants; None for all.

    Raises:
        UsageError: a name is not that of a variant.
    """
    return _picked("variant", names, choices.variants)


def selection(
    names: list[str] | None,
    format: list[str] | None,
    precision: list[str] | None,
    runtime: list[str] | None,
    device: list[str] | None,
    variant: list[str] | None = None,
) -> "Selection":
    """Return the artifacts, runtimes and devices that the options of verify, bench and others select.

    Raises:
        UsageError: an option has an unknown value.
    """
    from mnist_deploy.pipeline.selection import Selection

    return Selection(
        architectures=networks(names),
        formats=_picked("format", format, choices.artifact_formats),
        precisions=precisions(precision),
        runtimes=_picked_runtimes(runtime),
        devices=_picked("device", device, choices.devices),
        variants=variants(variant),
    )


def variant(input: str, *, optimized: bool) -> "Variant":
    """Return the variant that --input and --no-optimize of export make.

    Raises:
        UsageError: `input` is neither float32 nor uint8.
    """
    from mnist_deploy.artifacts import Variant

    if input not in choices.inputs():
        raise unknown("input", input, choices.inputs())
    return Variant.of(uint8=input == "uint8", optimized=optimized)


def question(
    name: str, format: str, precision: str, runtime: str | None, images: int, variant: str = "standard"
) -> "Question":
    """Return the request that the options of diagnose make.

    Raises:
        UsageError: an option has an unknown value.
    """
    from mnist_deploy.artifacts import Precision, Variant
    from mnist_deploy.pipeline.diagnosing import Question

    _require_known(name, format, precision, runtime, variant)
    return Question(name, format, Precision(precision), runtime, images, Variant(variant))


def wanted(
    architecture: str | None, format: str | None, precision: str | None, runtime: str | None, variant: str | None = None
) -> "Wanted":
    """Return the artifact and runtime that the options of predict and package select.

    Raises:
        UsageError: an option has an unknown value.
    """
    from mnist_deploy.pipeline.choosing import Wanted

    _require_known(architecture, format, precision, runtime, variant)
    return Wanted(architecture, format, precision, runtime, variant)


def _require_known(
    architecture: str | None, format: str | None, precision: str | None, runtime: str | None, variant: str | None
) -> None:
    given = (("architecture", architecture, choices.architectures), ("format", format, choices.artifact_formats),
             ("precision", precision, choices.precisions), ("runtime", runtime, choices.runtimes),
             ("variant", variant, choices.variants))  # fmt: skip
    for kind, one, known in given:
        if one is not None and one not in known():
            raise unknown(kind, one, known())


def wishes(
    *,
    max_latency: str | None,
    min_accuracy: str | None,
    max_accuracy_drop: str | None,
    max_size: str | None,
    max_memory: str | None,
    min_throughput: str | None,
    max_install_size: str | None,
    batch_size: int | None,
    device: str | None,
    prefer: str,
    ignore_gates: bool,
) -> "Wishes":
    """Return the requirements that the options of recommend state.

    Raises:
        UsageError: an option is not a valid quantity, or has an unknown value.
    """
    from mnist_deploy.decisions.records import Prefer, Wishes

    def told(option: str, text: str | None, parse: Callable[[str, str], _Told]) -> _Told | None:
        return None if text is None else parse(option, text)

    for kind, one, known in (("preference", prefer, list(Prefer)), ("device", device, choices.devices())):
        if one is not None and one not in known:
            raise unknown(kind, one, known)
    # What is not asked for is not passed, for its default hangs on what is asked of accuracy besides.
    drop = {} if max_accuracy_drop is None else {"max_accuracy_drop": accuracy_drop(max_accuracy_drop)}
    return Wishes(
        **drop,
        max_latency_s=told("--max-latency", max_latency, quantities.duration_s),
        min_accuracy=told("--min-accuracy", min_accuracy, quantities.share),
        max_size_bytes=told("--max-size", max_size, quantities.size_bytes),
        max_memory_bytes=told("--max-memory", max_memory, quantities.size_bytes),
        min_throughput_images_per_s=told("--min-throughput", min_throughput, quantities.rate),
        max_install_bytes=told("--max-install-size", max_install_size, quantities.size_bytes),
        batch_size=batch_size,
        device=device,
        prefer=Prefer(prefer),
        ignore_gates=ignore_gates,
    )


def accuracy_drop(text: str) -> float | None:
    """Return the share that --max-accuracy-drop allows, None for any.

    Raises:
        UsageError: it is neither a share below 1, a percentage up to 100 nor 'none'.
    """
    if text.strip().lower() == "none":
        return None
    allowed = quantities.allowance("--max-accuracy-drop", text)
    if not 0 <= allowed <= 1:
        raise UsageError(f"--max-accuracy-drop {shown(text)}: give 0% to 100%, a share as 0.01, or none")
    return allowed


def baseline(text: str | None) -> "Baseline | None":
    """Return the baseline RUNTIME or RUNTIME:PRECISION; None if `text` is None.

    Raises:
        UsageError: the runtime or precision is unknown.
    """
    from mnist_deploy.artifacts import Precision
    from mnist_deploy.pipeline.figures import Baseline

    if text is None:
        return None
    runtime, colon, precision = text.partition(":")
    if runtime not in choices.runtimes():
        raise unknown("runtime", runtime, choices.runtimes())
    if colon and precision not in choices.precisions():
        raise unknown("precision", precision, choices.precisions())
    return Baseline(runtime, Precision(precision or Precision.FLOAT32))


def emulation(names: list[str] | None, time_limit: str | None = None) -> "Emulation | None":
    """Return the emulation that --emulate and --emulate-time of verify ask for; None without --emulate.

    Raises:
        UnavailableError: QEMU is not installed.
        UsageError: QEMU does not know the processor, or the time is invalid.
    """
    from mnist_deploy import emulation
    from mnist_deploy.pipeline.processors import Emulation

    if not names:
        effort.only_with("--emulate", {"--emulate-time": time_limit})
        return None
    chosen = Emulation(tuple(emulation.resolve(names)))
    return chosen if time_limit is None else replace(chosen, limit_s=effort.duration_s("--emulate-time", time_limit))


def automatic_emulation(names: list[str] | None) -> "Emulation | None":
    """Return the emulation of run and export: by default what is installed; None for `--emulate none`.

    Raises:
        UnavailableError: a processor is named, but QEMU is not installed.
        UsageError: QEMU does not know the processor.
    """
    from mnist_deploy import emulation
    from mnist_deploy.pipeline import processors

    if not names:
        return processors.automatic()
    if names == ["none"]:
        return None
    return replace(processors.automatic(), processors=tuple(emulation.resolve(names)))


def gates(texts: list[str] | None) -> "dict[str, Gate]":
    """Return the parity gates: the default ones with the changes that `texts` make.

    Args:
        texts: each is the name of a set of gates ('strict') or a single limit, as 'int8:accuracy-kept=0.995' or
            '...=none'. Single limits apply on top of the named set, in any order. None means the default gates.

    Raises:
        UsageError: a text has an unknown set, gate or limit or an invalid value, or is given twice.
    """
    from mnist_deploy import parity

    base, changes = parity.GATES, dict[tuple[str, str], float | None]()
    given: set[str] = set()
    for text in texts or []:
        name, equals, value = text.partition("=")
        if name in given:
            raise UsageError(f"--gate {text}: {name} is given twice; give one of them")
        given.add(name)
        if name in parity.PRESETS:
            if equals:
                raise UsageError(f"--gate {text}: {name} takes no value; {_GATE_FORMS}")
            base = dict(parity.PRESETS[name])
            continue
        limits = [choice.removesuffix("=") for choice in choices.gate_limits()]
        if name not in limits:
            raise UsageError(f"{unknown('gate', name, [*parity.PRESETS, *limits])}; {_GATE_FORMS}")
        gate, _, limit = name.partition(":")
        changes[gate, limit.replace("-", "_")] = _share(text, value)
    return parity.changed(base, changes)


_GATE_FORMS = "give --gate strict, or --gate GATE:LIMIT=VALUE as --gate int8:accuracy-kept=0.995"


def _share(text: str, value: str) -> float | None:
    if value == "none":
        return None
    try:
        return quantities.share("--gate", value)
    except UsageError as error:
        raise UsageError(f"--gate {text}: '{value}' is not a number from 0 to 1, nor none") from error


def _picked(kind: str, names: list[str] | None, known: Callable[[], list[str]]) -> list[str] | None:
    for name in names or []:
        if name != "all" and name not in known():
            raise unknown(kind, name, known())
    if not names or "all" in names:
        return None
    return [choice for choice in known() if choice in names]


def _picked_runtimes(names: list[str] | None) -> list[str] | None:
    """Return the named runtimes; None for the default ones; 'all' adds the opt-in ones, not the diagnostic ones."""
    from mnist_deploy.runtimes import RUNTIMES

    if names and "all" in names and _picked("runtime", names, choices.runtimes) is None:
        return [name for name, runtime in RUNTIMES.items() if not runtime.diagnostic or name in names]
    return _picked("runtime", names, choices.runtimes)


def store(artifacts: Path | None, results: Path | None = None) -> "ArtifactStore":
    """Return the store in the folder of --artifacts or its environment variable, by default ./artifacts.

    Args:
        artifacts: the value of --artifacts.
        results: the folder of --results; None means results/ in the store.
    """
    from mnist_deploy.artifacts import ArtifactStore

    return ArtifactStore(artifacts or Path("artifacts"), results)


def dataset(data: Path | None, *, training: bool = False) -> "Dataset":
    """Load the data at --data, or the bundled MNIST, and say on stderr what was converted in it or looks wrong.

    Args:
        data: the value of --data.
        training: whether the command needs images for training.
    """
    from mnist_deploy import dataset as module

    loaded = module.load(data, training=training)
    for note in loaded.notes:
        typer.echo(f"{data}: {note}", err=True)
    return loaded


def say_capped(threads: list[int] | None, cores: int, progress: "Progress") -> None:
    """Log that --threads is capped if it is larger than the number of usable `cores`."""
    if any(count > cores for count in threads or []):
        progress.log(f"--threads: capped to {cores}, the number of cores that CPU affinity and cgroup allow")


def progress() -> "Progress":
    """Return a progress bar on a terminal, else plain lines; both on a copy of stderr that `quiet` does not silence."""
    from mnist_deploy.interruption import Interruptible
    from mnist_deploy.reports.layout import console_on
    from mnist_deploy.reports.progress import BarProgress, LineProgress

    stream = streams.second_stderr()
    console = console_on(stream)
    # FORCE_COLOR makes of a log no terminal whose cursor could be moved, and TERM=dumb says that there is none.
    moves = stream.isatty() and not console.is_dumb_terminal
    return Interruptible(BarProgress(console) if moves else LineProgress(console))
