"""Keras with JAX in TensorFlow's place, compiled by `jax.jit`."""

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from mnist_deploy.architectures import INPUT_SHAPE
from mnist_deploy.artifacts import Artifact
from mnist_deploy.errors import UnavailableError
from mnist_deploy.runtimes.base import Runtime
from mnist_deploy.training import load_model
from mnist_deploy.versions import importable

PLATFORMS = {"cpu": "cpu", "gpu": "cuda"}
# XLA's CPU client asks the first, or the second where it is older, for the size of its thread pool when it starts.
# What XLA_FLAGS used to say of threads it ignores: --xla_cpu_multi_thread_eigen=false and
# intra_op_parallelism_threads=1 left CPU time over wall time at 1.9 on two cores, these brought it to 1.0 (jax 0.10.2,
# cnn-relu-32-64, 256 images).
THREADS_VARIABLES = ("PJRT_NPROC", "NPROC")
CUDA_PLUGINS = ("jax_cuda12_plugin", "jax_cuda13_plugin")
# The floating-point types of XLA's programs, the coarsest first.
FLOATS = {"bf16": "bfloat16", "f16": "float16", "f32": "float32", "f64": "float64"}


class KerasJaxRuntime(Runtime):
    """Calls a jitted function that closes over the model: its weights are constants for the compiler.

    Passing the weights as arguments took 2 us longer on mlp-relu-128 with one image, 17.4 against 15.4 us, and as
    long with 256.
    """

    name = "keras-jax"
    title = "Keras JAX"
    formats = ("keras",)
    devices = ("cpu", "gpu")
    module = "jax"
    distributions = ("jax",)
    needs: ClassVar[Mapping[str, str]] = {"keras": "keras"}
    gpu_distribution = "jax[cuda12]"
    timed_call = "jax.jit of model.stateless_call, then numpy.asarray"
    # Left alone JAX takes three quarters of the GPU's memory, and no other process could work beside it.
    environment: ClassVar[Mapping[str, str]] = {"KERAS_BACKEND": "jax", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    on_request = True
    order = 11

    def __init__(self, artifact: Artifact, *, device: str, threads: int | None, batch_size: int) -> None:
        """Load the .keras file, without its optimizer, and compile it for the batch.

        Raises:
            UnavailableError: Keras or JAX already runs otherwise in this process, or JAX sees no GPU.
        """
        super().__init__(artifact, device=device, threads=threads, batch_size=batch_size)
        configure(device, threads)
        import jax

        model = load_model(artifact.path)
        trainable = [variable.value for variable in model.trainable_variables]
        fixed = [variable.value for variable in model.non_trainable_variables]
        self._function = jax.jit(lambda image: model.stateless_call(trainable, fixed, image, training=False)[0])
        self._zeros = np.zeros((batch_size, *INPUT_SHAPE), np.float32)
        self.run(self._zeros)  # compiles

    @classmethod
    def built_for_gpu(cls) -> bool:
        """Look for one of the plugins in which JAX's CUDA builds come."""
        return any(importable(plugin) for plugin in CUDA_PLUGINS)

    @classmethod
    def sees_gpu(cls) -> bool:
        """Ask JAX for its GPUs, in a process of its own: it would hold on to them in this one."""
        asking = [sys.executable, "-P", "-c", "import jax; jax.devices('gpu')"]
        return subprocess.run(asking, capture_output=True, env={**os.environ, **cls.environment}).returncode == 0

    @classmethod
    def preload(cls) -> None:
        """Import Keras too; neither starts JAX's backend, whose threads would not live through a fork."""
        super().preload()
        importlib.import_module("keras")

    def run(self, tensor: Any) -> Any:
        """Call the compiled function and wait for its output, a read-only array on the host."""
        return np.asarray(self._function(tensor))

    def executed_on(self) -> str:
        """Return the platform and number of the device that holds the output of a batch of zeros: 'CPU:0'."""
        (device,) = self._function(self._zeros).devices()
        return f"{device.platform}:{device.id}".upper()

    def arithmetic(self) -> str | None:
        """Return the coarsest floating point in XLA's program; None on a GPU, where libraries choose too."""
        if self.device != "cpu":
            return None
        program = self._function.lower(self._zeros).compile().as_text()
        return next((name for short, name in FLOATS.items() if re.search(rf"\b{short}\[", program)), None)


def configure(device: str, threads: int | None) -> None:
    """Give this process's Keras its backend, and JAX its device and its number of threads.

    Raises:
        UnavailableError: they were started in this process otherwise, which cannot be changed; or JAX sees no GPU.
    """
    for name, value in KerasJaxRuntime.environment.items():
        os.environ.setdefault(name, value)
    import jax
    import keras

    backend = keras.backend.backend()
    if backend != "jax":
        raise UnavailableError(
            f"Keras already runs in this process with {backend}; use a fresh process with KERAS_BACKEND=jax"
        )
    wanted = {} if threads is None else dict.fromkeys(THREADS_VARIABLES, str(threads))
    settled = jax.config.jax_num_cpu_devices == 1 and jax.config.jax_platforms == PLATFORMS[device]
    if settled and all(os.environ.get(name) == value for name, value in wanted.items()):
        return
    try:
        # A number other than the one there is: JAX refuses it once it runs, while other settings pass without effect.
        jax.config.update("jax_num_cpu_devices", 1 if jax.config.jax_num_cpu_devices != 1 else 2)
    except RuntimeError as error:
        raise UnavailableError(
            f"JAX already runs in this process with another device or number of threads than {device}, {threads}; "
            "use a fresh process"
        ) from error
    jax.config.update("jax_num_cpu_devices", 1)
    jax.config.update("jax_platforms", PLATFORMS[device])
    # Every call waits for its answer, so handing it to another thread only costs: 29 us against 15 us on mlp-relu-128
    # with one image.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    # On a GPU float32 would else be multiplied in TF32, with 10 bits of fraction in place of 23.
    jax.config.update("jax_default_matmul_precision", "highest")
    os.environ.update(wanted)
    try:
        jax.devices()
    except RuntimeError as error:
        raise UnavailableError(
            f'JAX sees no {device}; run: pip install "{KerasJaxRuntime.gpu_distribution}"'
        ) from error
