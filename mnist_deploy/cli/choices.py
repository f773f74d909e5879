"""What the options may be given: looked up when asked, so that `--help` imports no registry."""


def formats() -> list[str]:
    """Return the formats that are exported."""
    from mnist_deploy.exporters import EXPORTERS

    return list(EXPORTERS)


def artifact_formats() -> list[str]:
    """Return the formats that artifacts have: Keras's own, and those exported."""
    from mnist_deploy.artifacts import KERAS_FORMAT

    return [KERAS_FORMAT, *formats()]


def precisions() -> list[str]:
    """Return all precisions."""
    from mnist_deploy.artifacts import Precision

    return list(Precision)


def compute_dtypes() -> list[str]:
    """Return what a training may compute in."""
    from mnist_deploy.training import ComputeDtype

    return list(ComputeDtype)


def variants() -> list[str]:
    """Return all variants."""
    from mnist_deploy.artifacts import Variant

    return list(Variant)


def inputs() -> list[str]:
    """Return what an exported artifact may take."""
    return ["float32", "uint8"]


def runtimes() -> list[str]:
    """Return all runtimes, the opt-in and diagnostic ones too."""
    from mnist_deploy.runtimes import RUNTIMES

    return list(RUNTIMES)


def profiled_runtimes() -> list[str]:
    """Return the runtimes that have a profiler."""
    from mnist_deploy.profiling.profilers import PROFILERS

    return list(PROFILERS)


def devices() -> list[str]:
    """Return all kinds of device."""
    from mnist_deploy.runtimes import DEVICES

    return list(DEVICES)


def processors() -> list[str]:
    """Return the processors that the installed QEMU emulates; none without it."""
    from mnist_deploy import emulation

    return emulation.processors()


def gate_limits() -> list[str]:
    """Return each gate with each of its limits, as `int8:accuracy-kept=`."""
    from mnist_deploy.parity import GATES
    from mnist_deploy.parity.gates import LIMITS

    return [f"{gate}:{limit.replace('_', '-')}=" for gate in GATES for limit in LIMITS]


def gates() -> list[str]:
    """Return what `--gate` may be given: the names of whole sets of gates, then single limits."""
    from mnist_deploy.parity import PRESETS

    return [*PRESETS, *gate_limits()]


def architectures() -> list[str]:
    """Return the networks."""
    from mnist_deploy.architectures import ARCHITECTURES

    return list(ARCHITECTURES)


def listings() -> list[str]:
    """Return what the command `list` lists."""
    return ["networks", "artifacts"]


def preferences() -> list[str]:
    """Return what recommend may choose by."""
    from mnist_deploy.decisions.records import Prefer

    return list(Prefer)


def report_formats() -> list[str]:
    """Return the formats of a report."""
    from mnist_deploy.reports.formats import FORMATS

    return list(FORMATS)
