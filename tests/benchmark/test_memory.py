import subprocess
import sys

import pytest

from mnist_deploy.benchmark import memory
from mnist_deploy.runtimes import RUNTIMES
from mnist_deploy.runtimes.base import nvidia_gpu_present
from tests.conftest import NETWORKS, TinyRun


@pytest.mark.skipif(nvidia_gpu_present(), reason="needs a machine without an NVIDIA GPU")
def test_without_a_gpu_its_memory_is_unknown_not_zero() -> None:
    assert memory.device_bytes() is None


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ((1000, 1400, 1400, 1450), 450),  # the library's context and pool, then the model
        ((1000, 1400, 2400, 2450), 450),  # models that were loaded before are not this one's
        ((1000, 1400, 1400, 1400), 400),  # the model found room in the library's pool
        ((1000, 900, 900, 900), 0),  # another process let go of more than this one took
        ((None, None, None, None), None),
        ((1000, 1400, None, 1450), None),  # a reading that failed leaves nothing to tell
    ],
)
def test_what_a_model_takes_of_the_gpu(readings: tuple[int | None, ...], expected: int | None) -> None:
    assert memory.device_grown(*readings) == expected


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")
@pytest.mark.parametrize("runtime", ["litert", "onnxruntime"])
def test_a_forked_worker_holds_what_one_holds_that_was_not_forked(tiny_run: TinyRun, runtime: str) -> None:
    """The pages of a library's code are lost in a fork; LiteRT's workers then seemed to hold less than nothing."""
    (artifact,) = (
        one for one, _ in tiny_run.store.select([NETWORKS[0]], precisions=["float32"]) if RUNTIMES[runtime].reads(one)
    )
    program = """if True:
        import os, sys
        import numpy as np
        from mnist_deploy.artifacts import Artifact
        from mnist_deploy.benchmark import memory, worker
        from mnist_deploy.runtimes import RUNTIMES
        runtime, artifact = RUNTIMES[sys.argv[1]], Artifact.model_validate_json(sys.argv[2])
        base = memory.resident_bytes()
        runtime.preload()
        held = memory.file_pages()
        if sys.argv[3] == "forked":
            child = os.fork()
            if child:
                os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            memory.populate(held)
        with runtime(artifact, device="cpu", threads=1, batch_size=1) as loaded:
            loaded.infer(np.zeros((1, 28, 28, 1), np.float32))
            print(memory.resident_bytes() - base, flush=True)
        os._exit(0)
    """
    command = [sys.executable, "-c", program, runtime, artifact.model_dump_json()]
    plain, forked = (
        int(subprocess.run([*command, how], capture_output=True, text=True, check=True).stdout)
        for how in ("plain", "forked")
    )
    assert plain > 10**6 and forked == pytest.approx(plain, rel=0.1)
