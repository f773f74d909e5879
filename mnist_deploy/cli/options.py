"""The options and arguments that commands share, with what the shell may complete."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from mnist_deploy.cli import choices
from mnist_deploy.cli.places import ARTIFACTS_VARIABLE, place
from mnist_deploy.quiet import DEBUG_VARIABLE

EMULATE_VARIABLE = "MNIST_DEPLOY_EMULATE"
# float32 images of so large a batch take 200 MB, and what a convolution makes of them 6 GB.
MAX_BATCH = 2**16
MAX_SEED = 2**32 - 1
RUNTIMES_HELP = (
    "keras-predict, keras-call, tensorflow, litert, onnxruntime, openvino; on request tensorflow-xla, keras-jax, "
    "litert-builtin, onnxruntime-exact, onnxruntime-openvino, onnxruntime-tensorrt, onnxruntime-bound, "
    "openvino-default, iree, mnn"
)


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
    """Return what completes an option by what is known."""

    def complete(incomplete: str) -> list[str]:
        return [choice for choice in known() if choice.startswith(incomplete)]

    return complete


ArtifactsOption = Annotated[
    Path | None,
    typer.Option("--artifacts", metavar="DIR", envvar=ARTIFACTS_VARIABLE, callback=_artifacts,
                 parser=place("--artifacts", variable=ARTIFACTS_VARIABLE, folder=True),
                 help="Where artifacts are. [default: artifacts]"),
]  # fmt: skip
DebugOption = Annotated[
    bool, typer.Option("--debug", callback=_debug, help="Show tracebacks and what the frameworks print.")
]
DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="PATH", parser=place("--data"),
                 help="An .npz with Keras's keys or a folder of IDX files. [default: MNIST]"),
]  # fmt: skip
FileOutputOption = Annotated[
    Path | None,
    typer.Option("--output", metavar="FILE", parser=place("--output"), help="Write there, not to stdout."),
]
NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="Networks; none means all.", autocompletion=of(choices.architectures)),
]
SomeNamesArgument = Annotated[
    list[str], typer.Argument(metavar="NAME...", help="Networks.", autocompletion=of(choices.architectures))
]
FormatOption = Annotated[
    list[str] | None,
    typer.Option("--format", metavar="FORMAT",
                 help="saved_model, tflite, onnx, openvino, mnn or all; repeatable. [default: all but mnn]",
                 autocompletion=of(choices.formats)),
]  # fmt: skip
ArtifactFormatOption = Annotated[
    list[str] | None,
    typer.Option("--format", metavar="FORMAT",
                 help="keras, saved_model, tflite, onnx, openvino, mnn or all; repeatable.",
                 autocompletion=of(choices.artifact_formats)),
]  # fmt: skip
PrecisionOption = Annotated[
    list[str] | None,
    typer.Option("--precision", metavar="PRECISION", help="float32, float16, dynamic, int8 or all; repeatable.",
                 autocompletion=of(choices.precisions)),
]  # fmt: skip
VariantOption = Annotated[
    list[str] | None,
    typer.Option("--variant", metavar="VARIANT", autocompletion=of(choices.variants),
                 help="standard, uint8, plain, uint8-plain or all, as export makes them; repeatable. "
                 "[default: what is here]"),
]  # fmt: skip
RuntimeOption = Annotated[
    list[str] | None,
    typer.Option("--runtime", metavar="RUNTIME", autocompletion=of(choices.runtimes),
                 help=f"{RUNTIMES_HELP}; or all; repeatable. [default: those not on request]"),
]  # fmt: skip
DoctorRuntimeOption = Annotated[
    list[str] | None,
    typer.Option("--runtime", metavar="RUNTIME", autocompletion=of(choices.runtimes),
                 help=f"{RUNTIMES_HELP}; repeatable. [default: all]"),
]  # fmt: skip
ProfiledRuntimeOption = Annotated[
    list[str] | None,
    typer.Option("--runtime", metavar="RUNTIME", autocompletion=of(choices.profiled_runtimes),
                 help="litert, onnxruntime or openvino, which have a profiler; repeatable. [default: all]"),
]  # fmt: skip
DeviceOption = Annotated[
    list[str] | None,
    typer.Option("--device", metavar="DEVICE", help="cpu, gpu or all; repeatable. [default: what is here]",
                 autocompletion=of(choices.devices)),
]  # fmt: skip
GateOption = Annotated[
    list[str] | None,
    typer.Option("--gate", metavar="GATE:LIMIT=VALUE", autocompletion=of(choices.gates),
                 help="Another limit, as int8:accuracy-kept=0.995 or float32:max-abs-error=none; or strict: 99.9 % of "
                 "the accuracy, not 99 %; repeatable."),
]  # fmt: skip
AutomaticEmulateOption = Annotated[
    list[str] | None,
    typer.Option("--emulate", metavar="CPU", envvar=EMULATE_VARIABLE, autocompletion=of(choices.processors),
                 help="Check int8 and dynamic answers on this processor too, emulated by QEMU; repeatable; or none. "
                 "[default: Haswell and Nehalem, where qemu-user is installed]"),
]  # fmt: skip
EmulateOption = Annotated[
    list[str] | None,
    typer.Option("--emulate", metavar="CPU", autocompletion=of(choices.processors),
                 help="Also compute the answers on this processor, emulated by QEMU, as Haswell; repeatable."),
]  # fmt: skip
EmulateTimeOption = Annotated[
    str | None,
    typer.Option("--emulate-time", metavar="TIME",
                 help="Time limit of all emulated answers together: 90, 90s, 5m or none. [default: 5m]"),
]  # fmt: skip
EpochsOption = Annotated[
    int | None,
    typer.Option("--epochs", metavar="N", min=1, max=10_000,
                 help="Passes over the data. [default: as many as the notebook]"),
]  # fmt: skip
SeedOption = Annotated[int, typer.Option("--seed", metavar="N", min=0, max=MAX_SEED, help="Of weights and shuffling.")]
ComputeDtypeOption = Annotated[
    str,
    typer.Option("--compute-dtype", metavar="DTYPE", autocompletion=of(choices.compute_dtypes),
                 help="float32, bfloat16, or auto: bfloat16 for convolutions where the CPU multiplies in it."),
]  # fmt: skip
ResultsFolderOption = Annotated[
    Path | None,
    typer.Option("--results", metavar="DIR", parser=place("--results", folder=True),
                 help="Folder to save results in, as for read-only artifacts. [default: results/ in --artifacts]"),
]  # fmt: skip
JsonOption = Annotated[bool, typer.Option("--json", help="Print the records as JSON instead of tables.")]
OneNameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="A network.", autocompletion=of(choices.architectures))
]
OneFormatOption = Annotated[
    str, typer.Option("--format", metavar="FORMAT", help="Its format.", autocompletion=of(choices.formats))
]
OnePrecisionOption = Annotated[
    str,
    typer.Option("--precision", metavar="PRECISION", help="Its precision.", autocompletion=of(choices.precisions)),
]
OneVariantOption = Annotated[
    str,
    typer.Option("--variant", metavar="VARIANT", help="standard, uint8, plain or uint8-plain.",
                 autocompletion=of(choices.variants)),
]  # fmt: skip
OneRuntimeOption = Annotated[
    str | None,
    typer.Option("--runtime", metavar="RUNTIME", autocompletion=of(choices.runtimes),
                 help="Where it runs. [default: the first that shows its layers]"),
]  # fmt: skip
QuickOption = Annotated[bool, typer.Option("--quick", help="Short measurement; every table says so.")]
ResultsArgument = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[RESULTS]...", parser=place("RESULTS"),
                   help="Results files, or a folder of them. [default: the newest measurements in --artifacts]"),
]  # fmt: skip
ReportFormatOption = Annotated[
    str | None,
    typer.Option("--format", metavar="FORMAT", autocompletion=of(choices.report_formats),
                 help="html, markdown, csv, json, pytest-benchmark or svg. [default: by the ending of --output, else "
                 "html]"),
]  # fmt: skip
ArchitectureOption = Annotated[
    list[str] | None,
    typer.Option("--architecture", metavar="NAME", autocompletion=of(choices.architectures),
                 help="A network to report; repeatable. [default: all]"),
]  # fmt: skip
