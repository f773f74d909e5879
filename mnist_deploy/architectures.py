"""The six networks of the notebook, as records. No framework is needed to read them."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from mnist_deploy.dataset import CLASSES, IMAGE_SIDE

Shape = tuple[int, ...]
INPUT_SHAPE: Shape = (IMAGE_SIDE, IMAGE_SIDE, 1)
FLOAT32_BYTES = 4


@dataclass(frozen=True)
class Layer:
    """One layer: what shape it makes of its input's, what it learns and what it computes for one image."""

    kind: ClassVar[str]

    def output(self, shape: Shape) -> Shape:
        """Return the output's shape, without the batch axis, for an input of `shape`."""
        raise NotImplementedError

    def reads(self, output: Shape, shape: Shape) -> Shape:
        """Return the part of an input of `shape` that an `output` depends on, from the upper left corner."""
        return shape

    def parameters(self, shape: Shape) -> int:
        """Return how many numbers the layer learns."""
        return 0

    def flops(self, shape: Shape) -> int:
        """Return the floating-point operations for one image; see `Architecture.flops` for what counts."""
        return 0


@dataclass(frozen=True)
class Flatten(Layer):
    """Lay the input out as one row."""

    kind = "Flatten"

    def output(self, shape: Shape) -> Shape:
        """Return the one axis that holds everything."""
        return (prod(shape),)


@dataclass(frozen=True)
class Dense(Layer):
    """A fully connected layer with biases."""

    kind = "Dense"
    units: int
    activation: str

    def output(self, shape: Shape) -> Shape:
        """Return (units,)."""
        return (self.units,)

    def parameters(self, shape: Shape) -> int:
        """Count weights and biases."""
        return (shape[0] + 1) * self.units

    def flops(self, shape: Shape) -> int:
        """Count one multiplication and one addition a weight, and one addition a bias."""
        return 2 * shape[0] * self.units + self.units


@dataclass(frozen=True)
class Conv(Layer):
    """A two-dimensional convolution with biases, stride 1, no padding."""

    kind = "Conv"
    filters: int
    kernel: int
    activation: str

    def output(self, shape: Shape) -> Shape:
        """Return (height, width, filters), each side shorter by kernel - 1."""
        return (shape[0] - self.kernel + 1, shape[1] - self.kernel + 1, self.filters)

    def reads(self, output: Shape, shape: Shape) -> Shape:
        """Return as many pixels more a side as the kernel reaches."""
        return (output[0] + self.kernel - 1, output[1] + self.kernel - 1, shape[2])

    def parameters(self, shape: Shape) -> int:
        """Count the kernels' weights and the biases."""
        return (self.kernel**2 * shape[2] + 1) * self.filters

    def flops(self, shape: Shape) -> int:
        """Count one multiplication and one addition a weight and output pixel, and one addition a bias."""
        return prod(self.output(shape)) * (2 * self.kernel**2 * shape[2] + 1)


@dataclass(frozen=True)
class MaxPool(Layer):
    """The maximum over squares of `size` pixels, which do not overlap; a rest at the edge is dropped."""

    kind = "MaxPool"
    size: int

    def output(self, shape: Shape) -> Shape:
        """Return (height // size, width // size, channels)."""
        return (shape[0] // self.size, shape[1] // self.size, shape[2])

    def reads(self, output: Shape, shape: Shape) -> Shape:
        """Return whole squares."""
        return (output[0] * self.size, output[1] * self.size, shape[2])


@dataclass(frozen=True)
class Reported:
    """What the notebook says its network reached on the test set; `caveat` says where that is not so."""

    loss: float
    accuracy: float
    caveat: str | None = None


@dataclass(frozen=True)
class Architecture:
    """One network, how the notebook trains it and what the notebook reports.

    `validates_on_test` says whether the notebook evaluates on the test set after each epoch: a report, without
    influence on the weights. None means unknown.
    """

    name: str
    layers: tuple[Layer, ...]
    optimizer: str
    loss: str
    batch_size: int
    epochs: int
    reported: Reported
    validates_on_test: bool | None = None

    def _with_shapes(self, shape: Shape = INPUT_SHAPE) -> Iterator[tuple[Layer, Shape]]:
        for layer in self.layers:
            yield layer, shape
            shape = layer.output(shape)

    @property
    def parameters(self) -> int:
        """How many numbers the network learns."""
        return sum(layer.parameters(shape) for layer, shape in self._with_shapes())

    @property
    def flops(self) -> int:
        """Floating-point operations for one image: matrix products, convolutions and biases.

        A multiplication and an addition count as two. Activations and poolings are left out, as is usual: they
        are comparisons and table look-ups as much as arithmetic.
        """
        return sum(layer.flops(shape) for layer, shape in self._with_shapes())

    @property
    def needed_flops(self) -> int:
        """Those of `flops` that a score depends on: not those for what a pooling drops at the edge.

        An export leaves the others out (see `rewriting`), so a roofline is made of these.
        """
        known = list(self._with_shapes())
        read = known[-1][0].output(known[-1][1])
        for layer, shape in reversed(known):
            read = layer.reads(read, shape)
        return sum(layer.flops(shape) for layer, shape in self._with_shapes(read))

    def bytes_moved(self, batch_size: int, weight_bytes: int) -> int:
        """Return the bytes that one call on `batch_size` images cannot avoid moving.

        Every weight is read once, in `weight_bytes` each; every input is read and every output written once, in
        float32. What lies between the layers is left out: it stays in a cache. This is the traffic of the roofline
        model, and the least working set of the call.
        """
        *_, (last, shape) = self._with_shapes()
        numbers = prod(INPUT_SHAPE) + prod(last.output(shape))
        return self.parameters * weight_bytes + batch_size * numbers * FLOAT32_BYTES


def _mlp(units: int, activation: str) -> tuple[Layer, ...]:
    return (Flatten(), Dense(units, activation), Dense(CLASSES, "softmax"))


def _cnn(filters: int, kernel: int, more_filters: int, activation: str) -> tuple[Layer, ...]:
    return (
        Conv(filters, kernel, activation),
        MaxPool(2),
        Conv(more_filters, 3, activation),
        MaxPool(2),
        Flatten(),
        Dense(64, activation),
        Dense(CLASSES, "softmax"),
    )


ONE_HOT = "categorical_crossentropy"
SPARSE = "sparse_categorical_crossentropy"
LABEL_SLIP = (
    "label-shape slip of the notebook's cells: sparse labels were scored against one-hot ones, so 0.0990 is chance, "
    "not the network; trained properly it reaches about 0.977"
)

# validates_on_test stays None below: the notebook itself is not among this project's sources.
ARCHITECTURES: dict[str, Architecture] = {
    architecture.name: architecture
    for architecture in (
        Architecture("mlp-relu-128", _mlp(128, "relu"), "sgd", ONE_HOT, 32, 10, Reported(0.1602, 0.9552)),
        Architecture("mlp-tanh-128", _mlp(128, "tanh"), "adam", SPARSE, 64, 20, Reported(0.0836, 0.0990, LABEL_SLIP)),
        Architecture("mlp-relu-256", _mlp(256, "relu"), "sgd", ONE_HOT, 64, 20, Reported(0.1519, 0.9552)),
        Architecture("cnn-relu-32-64", _cnn(32, 3, 64, "relu"), "adam", ONE_HOT, 128, 10, Reported(0.0382, 0.9891)),
        Architecture(
            "cnn-sigmoid-32-64", _cnn(32, 3, 64, "sigmoid"), "adam", ONE_HOT, 128, 10, Reported(0.0435, 0.9860)
        ),
        Architecture("cnn-relu-16-32", _cnn(16, 5, 32, "relu"), "adam", ONE_HOT, 128, 10, Reported(0.0289, 0.9907)),
    )
}
