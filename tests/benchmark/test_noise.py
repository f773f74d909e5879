"""What the witnesses see, also on a machine that is made noisy on purpose."""

import os
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from mnist_deploy.benchmark.noise import OtherPrograms, in_the_way, probe, quiet_probe


@pytest.mark.parametrize(
    ("others_cpus", "threads", "cores", "expected"),
    [
        (0.05, 1, 2, False),
        (0.4, 1, 2, False),  # the other core is theirs
        (0.6, 1, 2, True),  # but for what a library's helper threads take
        (0.1, 2, 2, False),  # an idle system is never quite idle
        (0.3, 2, 2, True),
        (0.3, 1, 1, True),
        (30.0, 2, 64, False),
        (62.0, 2, 64, True),
        (3.0, 64, 64, False),  # a twentieth of them
        (4.0, 64, 64, True),
    ],
)
def test_others_are_in_the_way_of_what_they_leave_too_little_for(
    others_cpus: float, threads: int, cores: int, expected: bool
) -> None:
    assert in_the_way(others_cpus, threads, cores) is expected


def test_quiet_probe_is_a_low_quantile_so_that_a_loud_hour_does_not_pass_for_quiet() -> None:
    assert quiet_probe([1.0] * 5 + [1.25] * 95) == 1.0
    assert quiet_probe([3.0]) == 3.0


@pytest.mark.parametrize("threads", [1, 2, 100])
def test_probe_takes_about_as_long_each_time(threads: int) -> None:
    ratios = [probe(threads) / probe(threads) for _ in range(9)]
    assert 0.5 < float(np.median(ratios)) < 2


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="pinning a process to a processor needs Linux")
def test_two_threads_on_one_processor_take_twice_as_long() -> None:
    """What the probe of several threads is for: a core that they must share."""
    # The scheduler's turns are longer than a probe: only the mean over many repeats shows the sharing.
    program = (
        "import os, numpy; from mnist_deploy.benchmark import noise;"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "noise.PROBE_REPEATS = 1500; numpy.median = numpy.mean;"
        "print(numpy.mean([noise.probe(2) for _ in range(3)]) / numpy.mean([noise.probe(1) for _ in range(3)]))"
    )
    ratio = float(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout)
    assert 1.5 < ratio < 3


BUSY = "import time; end = time.monotonic() + 30\nwhile time.monotonic() < end: pass"


def others_cpus() -> float:
    others = OtherPrograms()
    time.sleep(1.0)
    return others.cpus()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process that is no child cannot be started so simply")
def test_a_busy_program_counts_unless_it_is_ours() -> None:
    """The same busy process: as a child of this one, and orphaned by the shell that started it."""
    with subprocess.Popen([sys.executable, "-c", BUSY]) as mine:
        own = others_cpus()
        mine.kill()
    shell = subprocess.run(
        ["sh", "-c", '"$0" -c "$1" >/dev/null 2>&1 & echo $!', sys.executable, BUSY], capture_output=True, check=True
    )
    orphan = psutil.Process(int(shell.stdout))
    foreign = others_cpus()
    orphan.kill()
    assert foreign > own + 0.4
