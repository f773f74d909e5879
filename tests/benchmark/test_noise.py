"""What the witnesses see, also on a machine that is made noisy on purpose."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from mnist_deploy.benchmark.noise import MAX_WAITS_PER_S, Reason, SliceNoise, probe, quiet_probe, reasons, settle

QUIET = 0.000_150


def seen(**changes: object) -> SliceNoise:
    plain: dict[str, object] = {
        "wall_s": 0.1, "cpu_s": 0.1, "involuntary": 2, "waits": 0, "steal_s": 0.0, "pressure_s": 0.0001,
        "probe_s": QUIET,
    }  # fmt: skip
    return SliceNoise.model_validate(plain | changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"cpu_s": 0.0971}, []),
        ({"cpu_s": 0.0969}, [Reason.CPU]),
        ({"involuntary": 20}, []),
        ({"involuntary": 21}, [Reason.SWITCHES]),
        ({"steal_s": 0.01}, [Reason.STEAL]),
        ({"pressure_s": 0.006}, [Reason.PRESSURE]),
        ({"steal_s": None, "pressure_s": None}, []),
        ({"probe_s": QUIET * 1.09}, []),
        ({"probe_s": QUIET * 1.11}, [Reason.HOST]),
        ({"cpu_s": 0.05, "involuntary": 90, "probe_s": QUIET * 2}, [Reason.CPU, Reason.SWITCHES, Reason.HOST]),
        # Work that goes from thread to thread waits of its own accord: its share of a processor tells nothing.
        ({"cpu_s": 0.05, "involuntary": 90, "waits": 6, "steal_s": 0.03, "pressure_s": 0.02}, []),
        ({"waits": 6, "probe_s": QUIET * 1.2}, [Reason.HOST]),
        # Not so what its threads waited for a processor, of all the time that they wanted one.
        ({"waits": 6, "cpu_s": 0.06, "delay_s": 0.0066}, []),
        ({"waits": 6, "cpu_s": 0.06, "delay_s": 0.0067}, [Reason.DELAY]),
    ],
)
def test_known_reasons(changes: dict[str, object], expected: list[Reason]) -> None:
    assert reasons(seen(**changes), QUIET, threads=1) == expected


def test_the_share_of_a_processor_is_asked_of_single_threads_only() -> None:
    assert reasons(seen(cpu_s=0.05), QUIET, threads=2) == []


def test_several_threads_wait_for_each_other_too() -> None:
    assert reasons(seen(cpu_s=0.06, delay_s=0.0199), QUIET, threads=2) == []
    assert reasons(seen(cpu_s=0.06, delay_s=0.0201), QUIET, threads=2) == [Reason.DELAY]


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


def test_settling_waits_for_idle_threads_and_no_longer() -> None:
    began = time.perf_counter()
    settle()
    idle = time.perf_counter() - began
    end = time.perf_counter() + 0.03
    spinning = threading.Thread(target=lambda: any(time.perf_counter() > end for _ in iter(int, 1)))
    spinning.start()
    began = time.perf_counter()
    settle()
    assert time.perf_counter() - began > idle
    spinning.join()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="pinning a process to a processor needs Linux")
def test_a_neighbour_on_the_same_processor_is_noticed() -> None:
    """The same second of work, alone and beside a process that never rests, both on one processor."""
    program = (
        "import os, sys, time; from mnist_deploy.benchmark.noise import Witness;"
        "os.sched_setaffinity(0, {int(sys.argv[1])}); rest_s = float(sys.argv[2])\n"
        "witness = Witness(1); end = time.perf_counter() + 0.5\n"
        "while (now := time.perf_counter()) < end:\n"
        "    while time.perf_counter() < now + 0.005: pass\n"
        "    if rest_s: time.sleep(rest_s)\n"
        "print(witness.end().model_dump_json())"
    )
    processor = str(min(os.sched_getaffinity(0)))

    def share(rest_s: float = 0) -> SliceNoise:
        command = [sys.executable, "-c", program, processor, str(rest_s)]
        return SliceNoise.model_validate_json(subprocess.run(command, capture_output=True, check=True).stdout)

    hog = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"
    alone, resting_alone = share(), share(0.001)
    neighbour = subprocess.Popen([sys.executable, "-c", hog, processor])
    try:
        beside, resting = share(), share(0.001)
    finally:
        neighbour.kill()
        neighbour.wait()
    assert beside.cpu_s / beside.wall_s < 0.8 * alone.cpu_s / alone.wall_s
    assert beside.involuntary > alone.involuntary
    assert Reason.CPU in reasons(beside, alone.probe_s, threads=1)
    # What rests between its work, as a pool's threads do, has less than a processor's time anyway.
    assert resting.waits > MAX_WAITS_PER_S * resting.wall_s
    assert Reason.DELAY in reasons(resting, alone.probe_s, threads=1)
    assert resting_alone.delay_s is not None and resting.delay_s is not None
    assert resting_alone.delay_s < 0.5 * resting.delay_s
