"""Whether two results may be set against each other: the same machine, data and models."""

from collections.abc import Iterator

from mnist_deploy.environment import Environment
from mnist_deploy.parity import ParityRow
from mnist_deploy.results import Measurement, Results, TrainingRow

# A hypervisor hands out a little more or less memory from boot to boot.
MEMORY_TOLERANCE = 0.05
_MACHINE = (
    "cpu", "physical_cores", "logical_cores", "usable_cores", "cgroup_cpus", "virtual_machine", "cgroup_memory_bytes",
    "accelerators",
)  # fmt: skip


def differences(first: Results, second: Results) -> list[str]:
    """Return what forbids a comparison, one text a field that differs, with both values; empty if nothing does.

    Libraries, Python and the kernel may differ: what they cost is what is asked.
    """
    return [
        *machine_differences(first.environment, second.environment),
        *_data(first, second),
        *_models(first, second),
    ]


def machine_differences(first: Environment, second: Environment) -> list[str]:
    """Return the fields of the machine that differ, as 'environment.cpu: A against B'."""
    pairs = [(name, getattr(first, name), getattr(second, name)) for name in _MACHINE]
    found = [f"environment.{name}: {_told(one)} against {_told(other)}" for name, one, other in pairs if one != other]
    if abs(first.memory_bytes - second.memory_bytes) > MEMORY_TOLERANCE * first.memory_bytes:
        found.append(f"environment.memory_bytes: {first.memory_bytes} against {second.memory_bytes}")
    return found


def models(results: Results) -> dict[str, str]:
    """Return the SHA-256 of each network's Keras model, as far as the rows tell."""
    rows: list[TrainingRow | ParityRow | Measurement] = [*results.training, *results.parity, *results.measurements]
    return {row.architecture: row.model_sha256 for row in rows}


def _data(first: Results, second: Results) -> Iterator[str]:
    if first.data_sha256 != second.data_sha256:
        yield f"data_sha256: {first.data_sha256[:12]} against {second.data_sha256[:12]}"


def _models(first: Results, second: Results) -> Iterator[str]:
    others = models(second)
    for name, sha256 in models(first).items():
        if name in others and others[name] != sha256:
            yield f"model_sha256 of {name}: {sha256[:12]} against {others[name][:12]}"


def _told(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "unknown" if value is None else str(value)
