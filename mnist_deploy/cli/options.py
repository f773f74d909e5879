"""The options and arguments that several commands share, with their shell completion."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from mnist_deploy.cli import choices
from mnist_deploy.cli.help_pages import CHECKS, DURATION, MEASUREMENT, SELECTION
from mnist_deploy.cli.places import ARTIFACTS_VARIABLE, place
from mnist_deploy.quiet import DEBUG_VARIABLE

EMULATE_VARIABLE = "MNIST_DEPLOY_EMULATE"
# float32 images of so large a batch take 200 MB, and what a convolution makes of them 6 GB.
MAX_BATCH = 2**16
MAX_SEED = 2**32 - 1
RUNTIMES_HELP = (
    "keras-predict, keras-call, tensorflow, litert, onnxruntime, openvino; opt-in: tensorflow-xla, keras-jax, "
    "litert-builtin, onnxruntime-exact, onnxruntime-openvino, onnxruntime-tensorrt, onnxruntime-bound, "
    "openvino-default, iree, mnn"
)
FORMATS_HELP = "Format: keras, saved_model, tflite, onnx, openvino, mnn"
PRECISIONS_HELP = "Precision: float32, float16, dynamic, int8"
VARIANTS_HELP = "Variant: standard, uint8, plain, uint8-plain"


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


def of(known: Callable[[], list[str]]) -> Callable[[str], list[str]]:
    """Return a completion function for an option that takes the names that `known` returns."""

    def complete(incomplete: str) -> list[str]:
        return [choice for choice in known() if choice.startswith(incomplete)]

    return complete


ArtifactsOption = Annotated[
    Path | None,
    typer.Option("--artifacts", metavar="DIR", envvar=ARTIFACTS_VARIABLE, callback=_artifacts,
                 parser=place("--artifacts", variable=ARTIFACTS_VARIABLE, folder=True),
                 help="Folder of the artifacts. [default: artifacts]"),
]  # fmt: skip
DebugOption = Annotated[
    bool, typer.Option("--debug", callback=_debug, help="Show tracebacks and the frameworks' own output.")
]
DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="PATH", parser=place("--data"),
                 help="Dataset: an .npz with Keras's keys, or a folder of IDX files. [default: the bundled MNIST]"),
]  # fmt: skip
FileOutputOption = Annotated[
    Path | None,
    typer.Option("--output", metavar="FILE", parser=place("--output"), help="Output file. [default: stdout]"),
]
NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="Networks. [default: all]", autocompletion=of(choices.architectures)),
]
SomeNamesArgument = Annotated[
    list[str], typer.Argument(metavar="NAME...", help="Networks, or all.", autocompletion=of(choices.architectures))
]
FormatOption = Annotated[
    list[str] | None,
    typer.Option("--format", metavar="FORMAT", rich_help_panel=SELECTION, autocompletion=of(choices.formats),
                 help="Format: saved_model, tflite, onnx, openvino, mnn or all; repeatable. [default: all but mnn]"),
]  # fmt: skip
ArtifactFormatOption = Annotated[
    list[str] | None,
    typer.Option("--format", metavar="FORMAT", rich_help_panel=SELECTION, autocompletion=of(choices.artifact_formats),
                 help=f"{FORMATS_HELP} or all; repeatable. [default: all]"),
]  # fmt: skip
PrecisionOption = Annotated[
    list[str] | None,
    typer.Option("--precision", metavar="PRECISION", rich_help_panel=SELECTION, autocompletion=of(choices.precisions),
                 help=f"{PRECISIONS_HELP} or all; repeatable. [default: all]"),
]  # fmt: skip
ProfiledPrecisionOption = Annotated[
    list[str] | None,
    typer.Option("--precision", metavar="PRECISION", autocompletion=of(choices.precisions),
                 help=f"{PRECISIONS_HELP} or all; repeatable. [default: float32 and int8]"),
]  # fmt: skip
VariantOption = Annotated[
    list[str] | None,
    typer.Option("--variant", metavar="VARIANT", rich_help_panel=SELECTION, autocompletion=of(choices.variants),
                 help=f"{VARIANTS_HELP} or all; repeatable. [default: all that were exported]"),
]  # fmt: skip
RuntimeOption = Annotated[
    list[str] | None,
    typer.Option("--runtime", metavar="RUNTIME", rich_help_panel=SELECTION, autocompletion=of(choices.runtimes),
                 help=f"Runtime: {RUNTIMES_HELP}; or all; repeatable. [default: all but the opt-in ones]"),
]  # fmt: skip
DoctorRuntimeOption = Annotated[
    list[str] | None,
    typer.Option("--runtime", metavar="RUNTIME", autocompletion=of(choices.runtimes),
                 help=f"Runtime to check: {RUNTIMES_HELP}; repeatable. [default: all]"),
]  # fmt: skip
ProfiledRuntimeOption = Annotated[
    list[str] | None,
    typer.Option("--runtime", metavar="RUNTIME", autocompletion=of(choices.profiled_runtimes),
                 help="Runtime that has a profiler: litert, onnxruntime or openvino; repeatable. [default: all]"),
]  # fmt: skip
DeviceOption = Annotated[
    list[str] | None,
    typer.Option("--device", metavar="DEVICE", rich_help_panel=SELECTION, autocompletion=of(choices.devices),
                 help="Device: cpu, gpu or all; repeatable. [default: all of this machine]"),
]  # fmt: skip
GateOption = Annotated[
    list[str] | None,
    typer.Option("--gate", metavar="GATE:LIMIT=VALUE", rich_help_panel=CHECKS, autocompletion=of(choices.gates),
                 help="Change a limit of a parity gate, e.g. int8:accuracy-kept=0.995 or float32:max-abs-error=none; "
                 "or strict, which requires 99.9 % of the accuracy instead of 99 %; repeatable."),
]  # fmt: skip
AutomaticEmulateOption = Annotated[
    list[str] | None,
    typer.Option("--emulate", metavar="CPU", envvar=EMULATE_VARIABLE, rich_help_panel=CHECKS,
                 autocompletion=of(choices.processors),
                 help="Also check int8 and dynamic artifacts on this processor, emulated by QEMU, or none; repeatable. "
                 "[default: Haswell and Nehalem if qemu-user is installed]"),
]  # fmt: skip
EmulateOption = Annotated[
    list[str] | None,
    typer.Option("--emulate", metavar="CPU", rich_help_panel=CHECKS, autocompletion=of(choices.processors),
                 help="Also check the answers on this processor, emulated by QEMU, e.g. Haswell; repeatable."),
]  # fmt: skip
EmulateTimeOption = Annotated[
    str | None,
    typer.Option("--emulate-time", metavar="TIME", rich_help_panel=CHECKS,
                 help="Time limit for all emulated checks together: 90, 90s, 5m or none. [default: 5m]"),
]  # fmt: skip
EpochsOption = Annotated[
    int | None,
    typer.Option("--epochs", metavar="N", min=1, max=10_000,
                 help="Passes over the training images. [default: as in the notebook]"),
]  # fmt: skip
SeedOption = Annotated[
    int, typer.Option("--seed", metavar="N", min=0, max=MAX_SEED, help="Random seed for weights and shuffling.")
]
ComputeDtypeOption = Annotated[
    str,
    typer.Option("--compute-dtype", metavar="DTYPE", autocompletion=of(choices.compute_dtypes),
                 help="Data type of the training's arithmetic: float32, bfloat16, or auto, which is bfloat16 for "
                 "convolutions if the CPU has instructions for it."),
]  # fmt: skip
ResultsFolderOption = Annotated[
    Path | None,
    typer.Option("--results", metavar="DIR", parser=place("--results", folder=True),
                 help="Folder to save results in, e.g. for read-only artifacts. [default: results/ in --artifacts]"),
]  # fmt: skip
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
OneNameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="Network.", autocompletion=of(choices.architectures))
]
OneFormatOption = Annotated[
    str,
    typer.Option("--format", metavar="FORMAT", autocompletion=of(choices.formats),
                 help="Format: saved_model, tflite, onnx, openvino or mnn."),
]  # fmt: skip
OnePrecisionOption = Annotated[
    str,
    typer.Option("--precision", metavar="PRECISION", autocompletion=of(choices.precisions),
                 help=f"{PRECISIONS_HELP}."),
]  # fmt: skip
OneVariantOption = Annotated[
    str,
    typer.Option("--variant", metavar="VARIANT", help=f"{VARIANTS_HELP}.",
                 autocompletion=of(choices.variants)),
]  # fmt: skip
OneRuntimeOption = Annotated[
    str | None,
    typer.Option("--runtime", metavar="RUNTIME", autocompletion=of(choices.runtimes),
                 help="Runtime. [default: the first that shows the output of each layer]"),
]  # fmt: skip
BatchOption = Annotated[
    list[int] | None,
    typer.Option("--batch-size", metavar="N", min=1, max=MAX_BATCH, rich_help_panel=MEASUREMENT,
                 help="Images per call; repeatable. [default: 1 and 256]"),
]  # fmt: skip
ThreadsOption = Annotated[
    list[int] | None,
    typer.Option("--threads", metavar="N", min=1, rich_help_panel=MEASUREMENT,
                 help="Threads; repeatable. [default: 1 and all cores]"),
]  # fmt: skip
RigorousOption = Annotated[
    bool,
    typer.Option("--rigorous", rich_help_panel=DURATION,
                 help="Up to 10 passes where 5 leave a comparison undecided; no time limit."),
]  # fmt: skip
QuickOption = Annotated[
    bool,
    typer.Option("--quick", rich_help_panel=DURATION, help="Short, less precise measurement; every table says so."),
]
ResultsArgument = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[RESULTS]...", parser=place("RESULTS"),
                   help="Results files, or a folder of them. [default: the newest in --artifacts]"),
]  # fmt: skip
ReportFormatOption = Annotated[
    str | None,
    typer.Option("--format", metavar="FORMAT", autocompletion=of(choices.report_formats),
                 help="Output format: html, markdown, csv, json, pytest-benchmark or svg. [default: by the extension "
                 "of --output, else html]"),
]  # fmt: skip
ArchitectureOption = Annotated[
    list[str] | None,
    typer.Option("--architecture", metavar="NAME", autocompletion=of(choices.architectures),
                 help="Network to report; repeatable. [default: all]"),
]  # fmt: skip
