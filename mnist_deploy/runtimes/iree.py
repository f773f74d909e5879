"""IREE: the ONNX file compiled ahead of time to machine code of this CPU."""

import hashlib
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from platformdirs import user_cache_path

from mnist_deploy.artifacts import Artifact, Precision
from mnist_deploy.errors import ArtifactError, StorageError, UnavailableError
from mnist_deploy.files import replacing
from mnist_deploy.runtimes.base import Runtime
from mnist_deploy.versions import version_of

PACKAGE_ROOT = Path(__file__).parents[2]
COMPILER, RUNTIME = "iree-base-compiler", "iree-base-runtime"
# After IREE's guides to CPU deployment and to optimization options. Data tiling is for matrix products alone, and a
# convolution is one only as im2col: without it cnn-relu-32-64 took 921 us for one image in place of 121 us.
FLAGS = (
    "--iree-hal-target-device=local",
    "--iree-hal-local-target-device-backends=llvm-cpu",
    "--iree-llvmcpu-target-cpu=host",
    "--iree-opt-level=O3",
    "--iree-opt-data-tiling",
    "--iree-global-opt-use-im2col-for-convs",
)
INLINE, POOL = "local-sync", "local-task"


class IreeRuntime(Runtime):
    """A compiled module, called through IREE's Python bindings: on the caller's thread, or by a pool of workers.

    Compiling takes seconds (1.2 to 20 s here), so what it gives is kept in the user's cache folder; loading it
    takes a millisecond. As with every compiler that works ahead of time, that is what a deployed model's load is.

    Of ONNX it reads float32 and QDQ int8. Dynamic int8 compiles too and is right, but its integer convolutions are
    left as loops: cnn-relu-32-64 took about a second for 256 images, against 0.12 s in float32, so it is left out.
    """

    name = "iree"
    title = "IREE"
    formats = ("onnx",)
    devices = ("cpu",)
    module = "iree.runtime"
    distributions = (RUNTIME,)
    needs: ClassVar[Mapping[str, str]] = {"iree.compiler": COMPILER, "onnx": "onnx"}
    timed_call = "the module's function, then DeviceArray.to_host"
    on_request = True
    order = 13
    # The flags of IREE's worker pool belong to the process: what they were set to, once there is a pool.
    pool: ClassVar[list[int | None]] = []

    def __init__(self, artifact: Artifact, *, device: str, threads: int | None, batch_size: int) -> None:
        """Compile the file, unless that was done before, and load the module.

        Raises:
            ArtifactError: the compiler refuses the file.
            UnavailableError: the worker pool of this process has another number of threads.
        """
        super().__init__(artifact, device=device, threads=threads, batch_size=batch_size)
        compiled = compiled_module(artifact.path, batch_size)
        from iree import runtime

        config = runtime.Config(device=self._device())
        module = runtime.load_vm_module(runtime.VmModule.copy_buffer(config.vm_instance, compiled), config)
        # Beside the graph's function the module has its initialiser and an asynchronous variant.
        (name,) = (one for one in module.vm_module.function_names if one != "__init" and not one.endswith("$async"))
        self._config, self._function = config, module[name]

    def _device(self) -> Any:
        from iree import runtime

        if self.threads == 1:
            return runtime.get_device(INLINE)
        if self.pool and self.pool != [self.threads]:
            raise UnavailableError(
                f"IREE's workers in this process were started as {self.pool[0]} threads, not {self.threads}; "
                "use a fresh process"
            )
        if not self.pool and self.threads is not None:
            runtime.flags.parse_flags(f"--task_topology_group_count={self.threads}")
        self.pool[:] = [self.threads]
        return runtime.get_device(POOL)

    @classmethod
    def reads(cls, artifact: Artifact) -> bool:
        """Tell whether it is ONNX in float32 or int8; see above."""
        return super().reads(artifact) and artifact.precision in {Precision.FLOAT32, Precision.INT8}

    @classmethod
    def prepare(cls, artifact: Artifact, batch_size: int) -> None:
        """Compile the file, unless that was done before."""
        compiled_module(artifact.path, batch_size)

    def run(self, tensor: Any) -> Any:
        """Call the function and wait for its output; each call's output has memory of its own."""
        return self._function(tensor).to_host()

    def executed_on(self) -> str:
        """Return the device's own name: 'CPU (local-sync)' without, 'CPU (local-task)' with threads of its own."""
        return f"CPU ({self._config.device!r})"


def compiled_module(path: Path, batch_size: int) -> bytes:
    """Return the ONNX file at `path` compiled for batches of `batch_size` on this CPU, as IREE's flatbuffer.

    It is kept in the user's cache folder, by all that it depends on.

    Raises:
        ArtifactError: the compiler refuses the file; the message is its first complaint.
    """
    source = path.read_bytes()
    parts = (hashlib.sha256(source).hexdigest(), batch_size, FLAGS, version_of(COMPILER), version_of("onnx"), _cpu())
    name = hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
    cached = user_cache_path("mnist-deploy") / "iree" / f"{name}.vmfb"
    with suppress(OSError):  # absent, or unreadable: compiled anew
        return cached.read_bytes()
    compiled = _compiled_apart(path, batch_size)
    with suppress(OSError, StorageError), replacing(cached) as temporary:  # without a cache it works too, only slower
        temporary.write_bytes(compiled)
    return compiled


def _compiled_apart(path: Path, batch_size: int) -> bytes:
    """Compile in a process of its own: the compiler's memory and imports are no part of what running takes."""
    program = "import sys; from mnist_deploy.runtimes import iree; iree.compile_onnx(*sys.argv[1:])"
    found = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(PACKAGE_ROOT)]))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "module.vmfb"
        command = [sys.executable, "-P", "-c", program, str(path), str(batch_size), str(target)]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": found})
        if done.returncode != 0:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            first = next((line for line in lines if "error:" in line), lines[-1] if lines else "no reason given")
            raise ArtifactError(f"{path}: IREE does not compile it: {first[:200]}")
        return target.read_bytes()


def compile_onnx(path: str, batch_size: str, target: str) -> None:
    """Compile the ONNX file at `path` for batches of `batch_size` images to the file `target`."""
    import onnx
    from iree.compiler import tools
    from iree.compiler.extras import onnx_importer
    from iree.compiler.ir import Context

    model = onnx.load(path)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = int(batch_size)
    # The importer needs every inner shape.
    info = onnx_importer.ModelInfo(onnx.shape_inference.infer_shapes(model, data_prop=True))
    module = info.create_module(context=Context()).operation
    onnx_importer.NodeImporter.define_function(info.main_graph, module).import_all()
    tools.compile_str(module.get_asm(), input_type="onnx", output_file=target, extra_args=list(FLAGS))


def _cpu() -> tuple[str, ...]:
    """Return what tells this CPU's instruction set from others."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    told = (next((line for line in lines if line.startswith(key)), "") for key in ("model name", "flags", "Features"))
    return (platform.machine(), platform.processor(), *told)
