"""ONNX Runtime, on the CPU or by its CUDA execution provider; and what its other execution providers share."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from mnist_deploy.architectures import INPUT_SHAPE
from mnist_deploy.artifacts import Artifact
from mnist_deploy.dataset import CLASSES
from mnist_deploy.errors import UnavailableError
from mnist_deploy.runtimes.base import Runtime
from mnist_deploy.training import BATCH_AXIS, INPUT_NAME, OUTPUT_NAME

# From here on the copy costs more than the allocations.
BIND_BELOW = 16
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
# float32 is meant: from Ampere on CUDA would by default round the factors of products to TF32's 11 bits.
CUDA_OPTIONS = {"use_tf32": "0"}
Providers = list[tuple[str, dict[str, str]]]


class OnnxRuntimeRuntime(Runtime):
    """A session with every graph optimisation on, as by default, called in the faster of two documented ways.

    I/O binding to fixed buffers saves `InferenceSession.run` its allocations but copies the input. Measured on
    mlp-relu-128, one thread: 10.2 us against 12.2 us for one image, 494 us against 479 us for 256. On the GPU `run`
    is timed, so that the transfers count.

    A session off the CPU may not leave any node to the CPU's provider: what it cannot do is an error at loading.

    Class attributes:
        providers: the execution provider that must run the graph, by device.
    """

    name = "onnxruntime"
    title = "ONNX Runtime"
    formats = ("onnx",)
    devices: ClassVar[tuple[str, ...]] = ("cpu", "gpu")
    module = "onnxruntime"
    distributions: ClassVar[tuple[str, ...]] = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino")
    # The last with CUDA 12, as TensorFlow has: cuDNN's packages for CUDA 12 and 13 write the same files.
    gpu_distribution = "onnxruntime-gpu[cuda,cudnn]<1.27"
    timed_call = "InferenceSession.run"
    order = 5
    providers: ClassVar[Mapping[str, str]] = {"cpu": CPU, "gpu": CUDA}
    # Whether the session is made for the one batch size, rather than for any.
    fixed_batch: ClassVar[bool] = False
    # Each session has threads of its own, which spin for 40 ms after a call.
    threads_linger: ClassVar[bool] = True

    def __init__(self, artifact: Artifact, *, device: str, threads: int | None, batch_size: int) -> None:
        """Make the session.

        Raises:
            UnavailableError: the device's execution provider is not there, or took no node.
        """
        super().__init__(artifact, device=device, threads=threads, batch_size=batch_size)
        self.preload()
        import onnxruntime

        wanted = self.providers[device]
        if not self.offers(device):
            raise UnavailableError(f"the installed ONNX Runtime has no {wanted}; {self.availability(device).remedy}")
        if device == "gpu":
            # Finds the CUDA libraries that came as Python packages.
            onnxruntime.preload_dlls()
        # The fallback that is off here is the Python package's own: to other providers, with a line on stdout.
        self._session = onnxruntime.InferenceSession(
            str(artifact.path), self.session_options(), providers=self.session_providers(), enable_fallback=0
        )
        if wanted not in self.executed_on().split(","):
            raise UnavailableError(f"ONNX Runtime fell back from {wanted} to {self.executed_on()}")
        self._binding: Any = None
        if wanted == CPU and batch_size < BIND_BELOW:
            self._bind()

    def session_options(self) -> Any:
        """Return the session's options: threads, and to record which provider takes which node.

        The recording is done at loading and costs no call anything: over twelve pairs of sessions, with and without,
        the calls took 0.997 +- 0.008 times as long.
        """
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        if self.providers[self.device] != CPU:
            options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        if self.threads is not None:
            options.intra_op_num_threads = self.threads
            options.inter_op_num_threads = 1
        if self.fixed_batch:
            options.add_free_dimension_override_by_name(BATCH_AXIS, self.batch_size)
        return options

    def session_providers(self) -> Providers:
        """Return the execution providers, first choice first, each with its options."""
        wanted = self.providers[self.device]
        return [(wanted, CUDA_OPTIONS if wanted == CUDA else {})]

    def _bind(self) -> None:
        self._input = np.empty((self.batch_size, *INPUT_SHAPE), self.input_type)
        self._output = np.empty((self.batch_size, CLASSES), np.float32)
        self._binding = self._session.io_binding()
        self._binding.bind_cpu_input(INPUT_NAME, self._input)
        pointer = self._output.ctypes.data
        self._binding.bind_output(OUTPUT_NAME, "cpu", 0, np.float32, self._output.shape, pointer)

    @classmethod
    def offers(cls, device: str) -> bool:
        """Ask the installed ONNX Runtime for the execution provider of `device`."""
        import onnxruntime

        return cls.providers[device] in onnxruntime.get_available_providers()

    @classmethod
    def sees_gpu(cls) -> bool:
        """Ask for the execution provider."""
        return cls.offers("gpu")

    @classmethod
    def built_for_gpu(cls) -> bool:
        """Return the same: a build has the provider, and only a session tells whether CUDA's libraries are there."""
        return cls.sees_gpu()

    def run(self, tensor: Any) -> Any:
        """Run the session on the tensor, or copy it in, run, and copy out, as the next call overwrites the output."""
        if self._binding is None:
            return self._session.run([OUTPUT_NAME], {INPUT_NAME: tensor})[0]
        np.copyto(self._input, tensor)
        self._session.run_with_iobinding(self._binding)
        return self._output.copy()

    def call_path(self) -> str:
        """Return which of the two ways this batch size takes."""
        return self.timed_call if self._binding is None else "copy into the bound input, run_with_iobinding, copy out"

    def executed_on(self) -> str:
        """Return the execution providers that took nodes; where ONNX Runtime does not tell, the session's first."""
        took = self.placement()
        listed = self._session.get_providers()
        return ",".join(name for name in listed if name in took) or str(listed[0])

    def placement(self) -> dict[str, int]:
        """Return how many nodes each execution provider took, of the graph after ONNX Runtime's basic optimisations.

        Providers fuse what they took afterwards, so kernels are fewer.
        """
        tell = getattr(self._session, "get_provider_graph_assignment_info", None)
        counts: Counter[str] = Counter()
        for part in tell() if tell else ():
            counts[part.ep_name] += len(part.get_nodes())
        return dict(counts)
