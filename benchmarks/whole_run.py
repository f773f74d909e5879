"""What `mnist-deploy run` takes beyond training and measuring.

    python -m benchmarks.whole_run [--quick]

It runs the command in an empty folder, with nothing emulated, and holds the whole time, from start to end of the
process, to the sum of its training and its measuring: 1.25 times as long at most; a quick run takes 2 minutes at most.
Exit code 1 if not.
"""

import re
import subprocess
import sys
import tempfile
import time

RATIO, QUICK_S = 1.25, 120.0
DONE = re.compile(r"^(train|export|verify|bench) \d+/\d+ done in ([\d.]+) s", re.MULTILINE)
TRAINED_AND_MEASURED = ("train", "bench")


def main(options: list[str]) -> int:
    """Print the parts and the ratio, and return the exit code."""
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "mnist_deploy", "run", "--emulate", "none", *options]
        began = time.perf_counter()
        done = subprocess.run(command, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        whole = time.perf_counter() - began
    parts = {name: float(taken) for name, taken in DONE.findall(done.stderr)}
    if set(parts) != {"train", "export", "verify", "bench"}:
        print(done.stderr.strip().splitlines()[-1])
        return 1
    needed = sum(parts[name] for name in TRAINED_AND_MEASURED)
    print(", ".join(f"{name} {taken:.0f} s" for name, taken in parts.items()))
    print(f"{whole:.0f} s in all, {whole / needed:.2f}x of training and measuring (exit code {done.returncode})")
    return 0 if (whole <= QUICK_S if "--quick" in options else whole <= RATIO * needed) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
