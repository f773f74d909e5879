"""JSON that is whole, sealed and hostile: any field may hold anything, and what comes of it is a line."""

import copy
import json
import shutil
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mnist_deploy import documents
from tests.conftest import NETWORKS, TinyRun
from tests.damage import places
from tests.test_cli import ended

Capture = pytest.CaptureFixture[str]
VALUES: tuple[Any, ...] = (
    None, True, "", "x" * 5000, "<script>", "../../x", "\x1b[31m", "2026-13-45", "1e999", -1, 0, 1, 2**31, 2**63,
    10**30, 1e308, -1e308, 5e-324, 0.5, [], {}, ["a"], {"a": 1}, [[]], "int8", "litert", "cpu", "keras-predict",
)  # fmt: skip
FEW = settings(
    derandomize=True, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)


def mutated(content: dict[str, Any], random: Random) -> str:
    """A document with one to four of its fields replaced, removed, or one entry of a list twice, sealed anew."""
    changed = copy.deepcopy(content)
    for _ in range(random.choice([1, 1, 1, 2, 4])):
        found = places(changed)
        if not found:
            break
        where, key = random.choice(found)
        if random.random() < 0.1:
            del where[key]
        elif isinstance(where, list) and random.random() < 0.3:
            where.append(copy.deepcopy(where[key]))
        elif random.random() < 0.8:  # what a field of that kind may hold, and none does
            same = [one for one in VALUES if type(one) is type(where[key])]
            where[key] = random.choice(same or list(VALUES))
        else:
            where[key] = random.choice(VALUES)
    return documents.sealed(json.dumps(changed))


def shortened(node: Any) -> Any:
    """A document of which lists keep three entries: every field is there, and each is hit more often."""
    if isinstance(node, dict):
        return {name: shortened(value) for name, value in node.items()}
    return [shortened(one) for one in node[:3]] if isinstance(node, list) else node


def assert_told(capfd: Capture, *arguments: object) -> int:
    code, _, err = ended(capfd, *arguments)
    assert code in {0, 1, 2} and "unexpected" not in err, (arguments, err)
    return code


@pytest.mark.parametrize(
    ("command", "times"),
    [
        (["report", "FILE", "--format", "markdown"], 60),
        (["report", "FILE", "--format", "csv"], 40),
        (["report", "FILE", "--format", "pytest-benchmark"], 30),
        (["report", "FILE", "--format", "html", "--output", "OUT"], 15),
        (["recommend", "--results", "FILE"], 60),
        (["recommend", "--results", "FILE", "--prefer", "throughput", "--max-size", "1MB"], 30),
        (["compare", "FILE", "GOOD", "--force"], 40),
        (["compare", "GOOD", "FILE", "--force", "--format", "json"], 40),
    ],
    ids=lambda value: " ".join(value[:1] + value[-1:]) if isinstance(value, list) else "",
)
def test_hostile_results(command: list[str], times: int, tiny_run: TinyRun, tmp_path: Path, capfd: Capture) -> None:
    good = tiny_run.root / "results" / "latest.json"
    content, codes = shortened(json.loads(good.read_text())), Counter[int]()
    shutil.copy(good.parent / content["samples"], tmp_path)
    names = {"FILE": str(tmp_path / "hostile.json"), "GOOD": str(good), "OUT": str(tmp_path / "out.html")}

    @settings(FEW, max_examples=times)
    @given(st.randoms(use_true_random=False))
    def tried(random: Random) -> None:
        Path(names["FILE"]).write_text(mutated(content, random))
        codes[assert_told(capfd, *(names.get(word, word) for word in command), "--artifacts", tiny_run.root)] += 1

    tried()
    assert codes[2] > times / 10 and times - codes[2] > times / 10, codes


def test_hostile_manifests_and_records(root: Path, tiny_run: TinyRun, capfd: Capture) -> None:
    manifest, record = root / "manifest.json", root / NETWORKS[0] / "training.json"
    contents = {path: json.loads(path.read_text()) for path in (manifest, record)}
    texts = {path: path.read_text() for path in contents}

    @settings(FEW, max_examples=60)
    @given(st.sampled_from([manifest, manifest, record]), st.randoms(use_true_random=False))
    def tried(path: Path, random: Random) -> None:
        path.write_text(mutated(contents[path], random))
        asked = ["--data", tiny_run.data, "--artifacts", root]
        code = assert_told(capfd, "export", NETWORKS[0], "--format", "tflite", "--precision", "nope", *asked)
        assert code == 2
        assert_told(capfd, "recommend", "--artifacts", root)
        assert_told(capfd, "package", NETWORKS[0], "--format", "tflite", "--precision", "int8", "--runtime", "litert",
                    "--output", "/dev/null/x", "--artifacts", root)  # fmt: skip
        path.write_text(texts[path])

    tried()
