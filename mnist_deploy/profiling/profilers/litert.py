"""LiteRT's own profiler, by way of its C interface: the Python one has none.

Read from the headers of LiteRT 2: litert/c/litert_compiled_model.h, litert_profiler.h, litert_profiler_event.h. The
shared library comes in the same package as the interpreter. Each function returns a status, 0 for success.
"""

import ctypes
import importlib.util
import math
from ctypes import byref, c_int, c_size_t, c_void_p
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from mnist_deploy.architectures import INPUT_SHAPE
from mnist_deploy.artifacts import Artifact
from mnist_deploy.dataset import CLASSES
from mnist_deploy.errors import UnavailableError
from mnist_deploy.profiling.profilers.base import Profiler, Reading, interquartile_mean_s
from mnist_deploy.profiling.records import Kind, Operator, kind_of

LIBRARY = "libLiteRt.so"
CPU = 1  # LiteRtHwAccelerators
ALIGNMENT = 64  # LITERT_HOST_MEMORY_BUFFER_ALIGNMENT
DTYPES: dict[int, type[np.generic]] = {1: np.float32, 3: np.uint8, 9: np.int8}  # LiteRtElementType
# One event in words of 8 bytes, and where in it is what: LiteRtProfiledEventData.
EVENT_WORDS, TAG, TYPE, ELAPSED_US = 13, 0, 1, 3
BY_ITSELF, BY_DELEGATE = 2, 8  # LiteRtProfilerEventType: who computed an operator


class Layout(ctypes.Structure):
    """LiteRtLayout: rank and a flag in bits, then room for eight dimensions and strides."""

    _fields_: ClassVar = [("bits", ctypes.c_uint32), ("dims", ctypes.c_int32 * 8), ("strides", ctypes.c_uint32 * 8)]


class TensorType(ctypes.Structure):
    """LiteRtRankedTensorType."""

    _fields_: ClassVar = [("element", c_int), ("layout", Layout)]


class LiteRTProfiler(Profiler):
    """A compiled model with `enable_profiling`; XNNPACK, its delegate, tells the operators that it took."""

    runtime = "litert"
    covers = (
        "LiteRT's profiler, by CompiledModel, whose kernels are the Interpreter's: computing alone, cut to whole "
        "microseconds, so that operators below 1 us show as 0"
    )
    order = 1

    def __init__(self, artifact: Artifact, *, threads: int, batch_size: int) -> None:
        """Load and compile the model for the batch, and start its profiler.

        Raises:
            UnavailableError: the installed LiteRT lacks the library, or its interface is another.
        """
        self._c, self._kept = _library(), list[Any]()
        self._environment, self._model, self._compiled = c_void_p(), c_void_p(), c_void_p()
        self._call("LiteRtCreateEnvironment", 0, None, byref(self._environment))
        path = str(artifact.path).encode()
        self._call("LiteRtCreateModelFromFile", self._environment, path, byref(self._model))
        options = self._options(threads)
        self._call("LiteRtCreateCompiledModel", self._environment, self._model, options, byref(self._compiled))
        self._call("LiteRtDestroyOptions", options, checked=False)
        shape = (c_int * 4)(batch_size, *INPUT_SHAPE)
        first = (c_size_t(0), c_size_t(0))  # of the first signature, the first tensor
        self._call("LiteRtCompiledModelResizeInputTensor", self._compiled, *first, shape, c_size_t(4))
        self._input, self._input_buffer = self._tensor("Input", (batch_size, *INPUT_SHAPE))
        self._output, self._output_buffer = self._tensor("Output", (batch_size, CLASSES))
        self._profiler = c_void_p()
        self._call("LiteRtCompiledModelGetProfiler", self._compiled, byref(self._profiler))
        self._call("LiteRtStartProfiler", self._profiler)

    def run(self, tensor: Any) -> Any:
        """Copy in, compute, copy out."""
        np.copyto(self._input, tensor, casting="no")
        one = c_size_t(1)
        inputs, outputs = (c_void_p * 1)(self._input_buffer), (c_void_p * 1)(self._output_buffer)
        self._call("LiteRtRunCompiledModel", self._compiled, c_size_t(0), one, inputs, one, outputs)
        return self._output.copy()

    def read(self, warm: int, calls: int) -> Reading:
        """Stop the profiler and read its events."""
        self._call("LiteRtStopProfiler", self._profiler)
        count = c_int()
        self._call("LiteRtGetNumProfilerEvents", self._profiler, byref(count))
        words = np.zeros((max(1, count.value), EVENT_WORDS), np.uint64)
        self._call("LiteRtGetProfilerEvents", self._profiler, count, words.ctypes.data_as(c_void_p))
        # The type takes four bytes of its word; what stands in the others is left over.
        computed = words[np.isin(words[:, TYPE] & np.uint64(0xFFFFFFFF), (BY_ITSELF, BY_DELEGATE))]
        if not len(computed) or len(computed) % (warm + calls):
            raise UnavailableError("LiteRT's profiler lost events of some calls; profile with fewer of them")
        by_call = computed.reshape(warm + calls, -1, EVENT_WORDS)[warm:]
        operators = [_operator(number, by_call[:, number]) for number in range(by_call.shape[1])]
        return Reading(operators, sum(one.kind is Kind.CONVERSION for one in operators))

    def close(self) -> None:
        """Destroy what was made."""
        for name, handle in (
            ("LiteRtDestroyTensorBuffer", self._input_buffer),
            ("LiteRtDestroyTensorBuffer", self._output_buffer),
            ("LiteRtDestroyCompiledModel", self._compiled),
            ("LiteRtDestroyModel", self._model),
            ("LiteRtDestroyEnvironment", self._environment),
        ):
            self._call(name, handle, checked=False)

    def _call(self, name: str, *arguments: Any, checked: bool = True) -> None:
        try:
            status = getattr(self._c, name)(*arguments)
        except AttributeError as error:
            raise UnavailableError(f"the installed LiteRT has no {name}; take ai-edge-litert 2.3") from error
        if checked and status:
            raise UnavailableError(f"LiteRT's {name} failed with status {status}; take ai-edge-litert 2.3")

    def _options(self, threads: int) -> c_void_p:
        options = c_void_p()
        self._call("LiteRtCreateOptions", byref(options))
        self._call("LiteRtSetOptionsHardwareAccelerators", options, CPU)
        ignore = ctypes.CFUNCTYPE(None, c_void_p)(lambda payload: None)
        for name, text in (
            ("runtime_options_string", "enable_profiling = true"),
            ("xnnpack", f"num_threads = {threads}"),
        ):
            payload, opaque = ctypes.create_string_buffer(f"{text}\n".encode()), c_void_p()
            self._kept += [payload, ignore]  # the library holds no copies of them
            arguments = (name.encode(), ctypes.cast(payload, c_void_p), ignore, byref(opaque))
            self._call("LiteRtCreateOpaqueOptions", *arguments)
            self._call("LiteRtAddOpaqueOptions", options, opaque)
        return options

    def _tensor(self, side: str, shape: tuple[int, ...]) -> tuple[npt.NDArray[Any], c_void_p]:
        """Return an array for the model's one tensor on a side, and the library's buffer around it."""
        signature, tensor, buffer = c_void_p(), c_void_p(), c_void_p()
        kind, zero = TensorType(), c_size_t(0)
        self._call("LiteRtGetModelSignature", self._model, zero, byref(signature))
        self._call(f"LiteRtGetSignature{side}TensorByIndex", signature, zero, byref(tensor))
        self._call("LiteRtGetRankedTensorType", tensor, byref(kind))
        kind.layout.dims[0] = shape[0]  # the file leaves it open
        dtype = np.dtype(DTYPES[kind.element])
        size = math.prod(shape) * dtype.itemsize
        memory = np.zeros(size + 2 * ALIGNMENT, np.uint8)
        start = -memory.ctypes.data % ALIGNMENT
        array = memory[start : start + size].view(dtype).reshape(shape)
        arguments = (byref(kind), c_void_p(array.ctypes.data), c_size_t(size), None, byref(buffer))
        self._call("LiteRtCreateTensorBufferFromHostMemory", *arguments)
        return array, buffer


def _library() -> ctypes.CDLL:
    package = importlib.util.find_spec("ai_edge_litert")
    folders = package.submodule_search_locations if package else None
    path = Path(next(iter(folders or [""]))) / LIBRARY
    if not path.is_file():
        raise UnavailableError(f"the installed LiteRT has no {LIBRARY}, which its profiler needs")
    return ctypes.CDLL(str(path))


def _operator(number: int, events: np.ndarray) -> Operator:
    """Return the operator at one place of every call: 'Convolution (NHWC, QC8) IGEMM' is XNNPACK's way to say it."""
    tag = ctypes.string_at(int(events[-1, TAG])).decode("utf-8", "replace")
    by_delegate = int(events[-1, TYPE]) & 0xFFFFFFFF == BY_DELEGATE
    op, _, rest = tag.partition(" (")
    kernel = f"XNNPACK ({rest}" if rest else ("XNNPACK" if by_delegate else "LiteRT's own")
    seconds = interquartile_mean_s(events[:, ELAPSED_US].astype(np.int64))
    op = op if by_delegate else tag
    return Operator(name=f"{number}", op=op, kernel=kernel, seconds=seconds, kind=kind_of(op))
