"""Which tensor of an artifact is the output of which layer: by name, else by size and order, never by value."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from mnist_deploy.diagnosis.base import Tensor
from mnist_deploy.diagnosis.layers import Layer

BY_NAME, BY_ORDER = "name", "order"

# Operators that begin a new layer, whatever the library calls them: Conv, CONV_2D, MatMulInteger, FULLY_CONNECTED ...
COMPUTES = re.compile(r"conv(?!ert)|matmul|gemm|fully_?connected", re.IGNORECASE)
POOLS = re.compile(r"pool", re.IGNORECASE)
SOFTMAX = re.compile(r"softmax", re.IGNORECASE)
HEADS = {"computes": COMPUTES, "pools": POOLS, "softmax": SOFTMAX}


@dataclass(frozen=True)
class Match:
    """The tensor that shows a layer's output, and how it was found: BY_NAME or BY_ORDER."""

    tensor: Tensor
    how: str


@dataclass
class _Run:
    """Neighbours of one size, of which only the first may do what HEADS tells: `head` is a key of it, or ''."""

    size: int
    head: str
    members: list[int] = field(default_factory=list)


def match(layers: Sequence[Layer], tensors: Sequence[Tensor]) -> list[Match | None]:
    """Return for each layer the tensor with its output; None where that cannot be told.

    A tensor is a layer's if its name holds the layer's name and it has as many numbers for an image; the last such
    tensor is the output, behind activation and requantisation. The last layer is the artifact's output. Layers
    whose names a converter lost are found by size and order, between those that are found.

    Args:
        layers: in the order of the model, which is a chain.
        tensors: in the order of computing.
    """
    found: dict[int, tuple[int, str]] = {}
    for number, place in _in_order(_by_name(layers, tensors)).items():
        found[number] = (place, BY_NAME)
    for number, place in _by_order(layers, tensors).items():
        before = max((found[other][0] for other in found if other < number), default=-1)
        after = min((found[other][0] for other in found if other > number), default=len(tensors))
        if number not in found and before < place < after:
            found[number] = (place, BY_ORDER)
    places = [found.get(number) for number in range(len(layers))]
    return [None if place is None else Match(tensors[place[0]], place[1]) for place in places]


def _by_name(layers: Sequence[Layer], tensors: Sequence[Tensor]) -> dict[int, int]:
    parts = [set(re.split("[/;:]", tensor.name)) for tensor in tensors]
    ending = _ending([layer.name for layer in layers], set().union(*parts))
    found: dict[int, int] = {}
    normalised = False  # what is named for a layer with a softmax is its first part until there
    for place, tensor in enumerate(tensors):
        normalised = normalised or bool(SOFTMAX.search(tensor.operator))
        if tensor.final and tensor.size == layers[-1].size:
            found[len(layers) - 1] = place
        elif tensor.real:
            # A fused tensor carries the names of all that went into it: it is what the last of them gives.
            owners = [
                number
                for number, layer in enumerate(layers)
                if layer.name + ending in parts[place]
                and layer.size == tensor.size
                and (normalised or not SOFTMAX.search(layer.kind))
            ]
            if owners:
                found[owners[-1]] = place
    return found


def _ending(names: Sequence[str], parts: set[str]) -> str:
    """Return what Keras appended to all its layers' names to make them unique in the export: '' or '_1', '_2' ..."""
    endings = {""} | {end for part in parts for end in re.findall(r"_\d+$", part)}
    return max(sorted(endings), key=lambda ending: sum(name + ending in parts for name in names))


def _in_order(found: dict[int, int]) -> dict[int, int]:
    """Drop those whose place is not before the next layer's: in a chain such a name means something else."""
    numbers = sorted(found)
    wrong = {earlier for earlier, later in pairwise(numbers) if found[earlier] >= found[later]}
    return {number: found[number] for number in numbers if number not in wrong}


def _by_order(layers: Sequence[Layer], tensors: Sequence[Tensor]) -> dict[int, int]:
    """Align runs of equal size, from the last back; stop where the artifact computes what no layer does."""
    wanted = _runs([(layer.size, _layer_head(layer)) for layer in layers])
    offered = _runs([(tensor.size, _tensor_head(tensor)) for tensor in tensors])
    found: dict[int, int] = {}
    for run in reversed(wanted):
        while offered and (offered[-1].size, offered[-1].head) != (run.size, run.head):
            if offered.pop().head == "computes":
                return found
        if not offered:
            return found
        places = [place for place in offered.pop().members if tensors[place].real]
        if places:
            found[run.members[-1]] = places[-1]
        # Between the first and the last layer of a run nothing tells where one ends; a pooling ends where it begins.
        if len(run.members) > 1 and run.head == "pools" and len(places) > 1:
            found[run.members[0]] = places[0]
    return found


def _runs(members: Sequence[tuple[int, str]]) -> list[_Run]:
    runs: list[_Run] = []
    for number, (size, head) in enumerate(members):
        if head or not runs or runs[-1].size != size:
            runs.append(_Run(size, head))
        runs[-1].members.append(number)
    return runs


def _layer_head(layer: Layer) -> str:
    return "computes" if layer.weighted else _head(layer.kind)


def _tensor_head(tensor: Tensor) -> str:
    return _head(tensor.operator)


def _head(what: str) -> str:
    return next((head for head, words in HEADS.items() if words.search(what)), "")
