"""The records of profiling. Times are in seconds, for one call of the whole batch."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from mnist_deploy.kinds import Variant, kind

# All three libraries count whole microseconds and drop the rest, so a node takes up to this more than is told of it.
RESOLUTION_S = 1e-6


class Kind(StrEnum):
    """What an operator is for, so that operators of two graphs can be set against each other."""

    CONVOLUTION = "convolution"
    DENSE = "dense layers"
    POOLING = "pooling"
    CONVERSION = "conversion between float and int8"
    LAYOUT = "reshaping and reordering"
    ACTIVATION = "activations"
    OTHER = "other operators"


# The first that occurs in an operator's lower-case type decides: what stands in another's name comes after it.
KINDS = (
    ("dynamicquantizematmul", Kind.DENSE), ("fullyconnected", Kind.DENSE), ("quantize", Kind.CONVERSION),
    ("convert", Kind.CONVERSION), ("conv", Kind.CONVOLUTION), ("pool", Kind.POOLING), ("gemm", Kind.DENSE),
    ("matmul", Kind.DENSE), ("fully_connected", Kind.DENSE), ("fully connected", Kind.DENSE),
    ("softmax", Kind.ACTIVATION), ("relu", Kind.ACTIVATION), ("tanh", Kind.ACTIVATION), ("sigmoid", Kind.ACTIVATION),
    ("logistic", Kind.ACTIVATION), ("shape", Kind.LAYOUT), ("transpose", Kind.LAYOUT), ("reorder", Kind.LAYOUT),
    ("strided_slice", Kind.LAYOUT), ("pack", Kind.LAYOUT), ("copy", Kind.LAYOUT),
)  # fmt: skip


def kind_of(op: str) -> Kind:
    """Tell what an operator is for from its type, in whichever library's words."""
    words = op.lower()
    return next((kind for part, kind in KINDS if part in words), Kind.OTHER)


class Operator(BaseModel):
    """One node of the graph that runs.

    Attributes:
        name: the node's own name.
        op: its type, in the library's words.
        kernel: what computed it, as far as the library tells.
        seconds: what it takes in one call.
        kind: what it is for.
        times: how often it runs in one call.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    op: str
    kernel: str
    seconds: float
    kind: Kind
    times: int = 1


class Cell(BaseModel):
    """What identifies an artifact in a runtime and use; profiling is on the CPU."""

    model_config = ConfigDict(frozen=True)

    architecture: str
    format: str
    precision: str
    variant: str = Variant.STANDARD.value
    runtime: str
    batch_size: int
    threads: int

    @property
    def group(self) -> tuple[str, str, str, str, int, int]:
        """What it shares with its twins of other precisions."""
        return self.architecture, self.format, self.variant, self.runtime, self.batch_size, self.threads

    @property
    def label(self) -> str:
        """The cell in words: 'mlp-relu-128 onnx int8 in onnxruntime, batch 1, 1 thread'."""
        threads = f"{self.threads} thread" + ("" if self.threads == 1 else "s")
        artifact = f"{self.architecture} {kind(self)}"
        return f"{artifact} in {self.runtime}, batch {self.batch_size}, {threads}"


class Profile(Cell):
    """Where the time of a cell goes.

    Attributes:
        wall_s: an ordinary call, without profiling: the median of its slices' medians, which lie in turn with those
            of its twins.
        beside_s: the same call in the moments of the profile: slices of ordinary calls lie in turn with profiled ones.
        profiled_s: the median of the same call with profiling on, by our clock.
        operators: in the order in which they run.
        unfused_qdq: quantise and dequantise nodes that remain in the graph that runs.
        covers: what the operators' times cover and how fine they are.
        calls: how many calls the operators' times come from.
    """

    wall_s: float
    beside_s: float
    profiled_s: float
    operators: list[Operator]
    unfused_qdq: int
    covers: str
    calls: int

    @property
    def operators_s(self) -> float:
        """What the operators add up to."""
        return sum(one.seconds for one in self.operators)


class Twins(Cell):
    """A cell against its float32 twin: slice by slice, the one's median call over the other's.

    Attributes:
        ratios: one for each pair of slices, which lie side by side in time.
        processes: in how many fresh processes they were taken.
    """

    ratios: list[float]
    processes: int
