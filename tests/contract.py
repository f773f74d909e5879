"""What a runtime does with artifacts, observed in a process of its own: some libraries can't share one.

`python -m tests.contract REQUEST ANSWERS` reads the request, a JSON object with `runtime`, `images` (an .npy of uint8
images) and `artifacts`, and writes the arrays and records that tests/test_runtimes.py judges.
"""

import json
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mnist_deploy.artifacts import Artifact, Variant
from mnist_deploy.benchmark import process
from mnist_deploy.dataset import scaled
from mnist_deploy.runtimes import RUNTIMES, Proof

# Batch size -> how many images; the last batch is not full.
BATCHES = {1: 20, 7: 25, 256: 301}
ONCE = 8


@dataclass(frozen=True)
class Observed:
    """What one runtime did with one artifact; `error` is a traceback, and then the rest is empty."""

    arrays: dict[str, np.ndarray]
    facts: dict[str, Any]
    error: str | None

    @property
    def proof(self) -> Proof:
        return Proof.model_validate(self.facts["proof"])


def observe(runtime: str, artifact: Artifact, pixels: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    images, arrays = scaled(pixels), {}
    for batch, count in BATCHES.items():
        with RUNTIMES[runtime](artifact, device="cpu", threads=1, batch_size=batch) as loaded:
            arrays[f"scores.{batch}"] = loaded.infer(images[:count])
    with RUNTIMES[runtime](artifact, device="cpu", threads=1, batch_size=ONCE) as loaded:
        inputs = [loaded.encode(images[start : start + ONCE]) for start in (0, ONCE)]
        arrays |= {"encoded": np.asarray(inputs[0]), "encoded pixels": np.asarray(loaded.encode(pixels[:ONCE]))}
        first = loaded.run(inputs[0])
        arrays["first"] = np.array(first)
        second = loaded.run(inputs[1])
        arrays |= {"second": np.array(second), "first later": np.array(first), "again": loaded.run(inputs[0])}
        arrays |= {"decoded": loaded.decode(arrays["first"]), "labels": loaded.classify(pixels[:ONCE])}
        facts = {
            "input": [type(inputs[0]).__name__, str(np.asarray(inputs[0]).dtype)],
            "output": type(first).__name__,
            "proof": loaded.proof().model_dump(),
            "call": loaded.call_path(),
        }
    return arrays, facts


@cache
def observed(
    root: Path, runtime: str, pixels: Path, variants: tuple[str, ...] = (Variant.STANDARD,)
) -> dict[tuple[str, str, str, str], Observed]:
    """Return what a fresh process saw of `runtime` with every artifact of `variants` below `root` that it reads."""
    from mnist_deploy.artifacts import ArtifactStore

    selected = ArtifactStore(root).select(variants=list(variants))
    artifacts = [one for one, _ in selected if RUNTIMES[runtime].reads(one)]
    with tempfile.TemporaryDirectory() as folder:
        request, answers = Path(folder) / "request.json", Path(folder) / "answers.npz"
        told = {
            "runtime": runtime,
            "images": str(pixels),
            "artifacts": [one.model_dump(mode="json") for one in artifacts],
        }
        request.write_text(json.dumps(told), encoding="utf-8")
        environment = {**process.environment(), **RUNTIMES[runtime].environment}
        command = [sys.executable, "-m", "tests.contract", str(request), str(answers)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        facts = json.loads(answers.with_suffix(".json").read_text(encoding="utf-8"))
        with np.load(answers) as archive:
            arrays = {name: archive[name] for name in archive.files}
    found = {}
    for number, one in enumerate(artifacts):
        own = {name.partition("/")[2]: array for name, array in arrays.items() if name.startswith(f"{number}/")}
        error = facts[number].get("error")
        found[one.architecture, one.format, one.precision.value, one.variant.value] = Observed(
            own, facts[number], error
        )
    return found


def main(request: Path, answers: Path) -> None:
    told = json.loads(request.read_text(encoding="utf-8"))
    pixels = np.load(told["images"])
    arrays: dict[str, np.ndarray] = {}
    facts: list[dict[str, Any]] = []
    for number, content in enumerate(told["artifacts"]):
        try:
            seen, said = observe(told["runtime"], Artifact.model_validate(content), pixels)
        except Exception:  # it is the tests that judge
            facts.append({"error": traceback.format_exc()})
            continue
        arrays |= {f"{number}/{name}": array for name, array in seen.items()}
        facts.append(said)
    answers.with_suffix(".json").write_text(json.dumps(facts), encoding="utf-8")
    np.savez(answers, **arrays)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
