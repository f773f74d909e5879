"""How long the command line takes before it does anything, and what it imports for that.

    python -m benchmarks.startup [ARTIFACTS]

`--help` is timed in fresh processes, in turn with a Python that does nothing; the limit is 0.3 s. `list`, `recommend`
and `report` are run to their end on the results in ARTIFACTS, and what they imported is looked through for frameworks
that train. Exit code 1 if either is not kept.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

LIMIT_S, TURNS = 0.3, 15
TRAINING = ("tensorflow", "keras", "jax", "torch")
BARE = ["-c", "pass"]
HELP = ["-m", "mnist_deploy", "--help"]
PROGRAM = (
    "import sys\nfrom mnist_deploy.cli import main\n"
    "try: main()\nexcept SystemExit as end: code = end.code\n"
    f"print(code or 0, *[name for name in {TRAINING!r} if name in sys.modules], file=sys.stderr)"
)


def seconds(arguments: list[str]) -> float:
    """Return how long a fresh Python takes."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def imported(command: list[str]) -> list[str]:
    """Run a command, and return its exit code and the frameworks that it imported."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, *command], capture_output=True, text=True)
    return done.stderr.splitlines()[-1].split()


def main(root: Path) -> int:
    """Print the figures, and return the exit code."""
    seconds(HELP)  # compiles what was never run
    pairs = np.array([[seconds(BARE), seconds(HELP)] for _ in range(TURNS)])
    bare, told = np.median(pairs, axis=0)
    print(
        f"--help {told:.3f} s, a bare Python {bare:.3f} s: {np.median(pairs[:, 1] / pairs[:, 0]):.1f}x ({TURNS} turns)"
    )
    kept = bool(told < LIMIT_S)
    with tempfile.TemporaryDirectory() as folder:
        page = str(Path(folder) / "report.html")
        for command in (["list"], ["recommend"], ["report", "--output", page]):
            code, *found = imported([*command, *([] if command == ["list"] else ["--artifacts", str(root)])])
            print(f"{command[0]}: exit code {code}, imported {', '.join(found) or 'no framework that trains'}")
            kept &= code == "0" and not found
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main(Path(*sys.argv[1:]) if sys.argv[1:] else Path("artifacts")))
