"""The workflows are what GitHub reads, and every command in them is one that is there."""

import glob
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from mnist_deploy.cli import effort, meaning, quantities
from mnist_deploy.cli.app import app

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".github" / "workflows"
NAMES = sorted(path.name for path in FOLDER.glob("*.yml"))


def workflow(name: str) -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as true.
    found: dict[Any, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return {"on" if key is True else str(key): value for key, value in found.items()}


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in workflow(name)["jobs"].values() for step in job["steps"]]


def commands() -> list[str]:
    """Every command line of this package in the workflows, with the variables of the job filled in."""
    found = []
    for name in NAMES:
        variables = workflow(name).get("env", {})
        for step in steps(name):
            text = str(step.get("run", "")).replace("\\\n", " ")
            for variable, value in variables.items():
                text = text.replace(f"${variable}", value)
            found += re.findall(r"mnist-deploy ([^|&\n]+)", text)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_has_what_github_asks_for(name: str) -> None:
    found = workflow(name)
    assert {"name", "on", "jobs"} <= found.keys()
    for job in found["jobs"].values():
        assert job["runs-on"] and job["timeout-minutes"] and job["steps"]
    for step in steps(name):
        assert ("run" in step) != ("uses" in step)
        assert "uses" not in step or re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"])


@pytest.mark.parametrize("line", commands())
def test_every_command_parses(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The option's callback hands it on in the environment: it is put back after the test.
    monkeypatch.setenv("MNIST_DEPLOY_ARTIFACTS", "artifacts")
    name, *arguments = shlex.split(line)
    group: Any = get_command(app)
    given = group.commands[name].make_context(name, arguments).params
    meaning.selection(
        given.get("names"), None, given.get("precision"), given.get("runtime"), given.get("device")
    )  # fmt: skip
    if name == "compare":
        assert given["interleave"]
        assert quantities.allowance("--max-regression", given["max_regression"]) == 0.05
        effort.plan(quick=given["quick"], rigorous=given["rigorous"], time_limit=given["time_limit"], interleaved=True)


def test_the_example_trains_once_and_measures_both_versions_in_one_run() -> None:
    names = [line.split()[0] for line in commands()]
    assert names == ["train", "export", "verify", "export", "verify", "compare", "bench", "report", "report"]
    uses = [step.get("uses", "").partition("@")[0] for step in steps("benchmark.yml")]
    assert uses.count("actions/checkout") == 2
    assert {"actions/cache", "actions/upload-artifact"} <= set(uses)


def test_every_python_that_is_promised_runs_the_checks_with_the_lowest_versions_too() -> None:
    (job,) = workflow("ci.yml")["jobs"].values()
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert {"run": "bash .ci/run"} in job["steps"]
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").count("--resolution lowest-direct") == 1


def paths() -> Iterator[tuple[str, str]]:
    """Every path of this repository that a workflow names, as a glob from its root, with the workflow's name.

    A job that checks out two versions has each in a folder of its own, `path`.
    """
    for name in NAMES:
        checkouts = {str(step["with"]["path"]) for step in steps(name) if "path" in step.get("with", {})
                     and step.get("uses", "").startswith("actions/checkout@")} or {"."}  # fmt: skip
        named = []
        for step in steps(name):
            given = step.get("with", {})
            for hashed in re.findall(r"hashFiles\(([^)]*)\)", str(given)):
                named += re.findall(r"'([^']+)'", hashed)
            named += str(given.get("cache-dependency-path", "")).split()
            named += re.findall(r"\b(?:bash|python) ([\w./][\w./-]*)", str(step.get("run", "")))
            named += [f"{path}/pyproject.toml" for path in re.findall(r'"?\./([\w$-]+)\[', str(step.get("run", "")))]
        for path in named:
            folder, _, rest = path.partition("/")
            if folder in checkouts | {"*"} or folder.startswith("$"):
                path = rest
            yield name, path


@pytest.mark.parametrize(("name", "path"), sorted(set(paths())))
def test_every_path_that_a_workflow_names_is_there(name: str, path: str) -> None:
    assert glob.glob(path, root_dir=ROOT, recursive=True, include_hidden=True), f"{name} names {path}"


def test_trained_models_are_kept_only_while_all_that_decides_their_weights_is_the_same() -> None:
    (cache,) = (step["with"] for step in steps("benchmark.yml") if step.get("uses", "").startswith("actions/cache@"))
    hashed = {
        found
        for path in re.findall(r"'base/([^']+)'", cache["key"])
        for found in glob.glob(path, root_dir=ROOT, recursive=True)
    }
    # Whatever module training consists of, or moves to; and what the libraries' lowest versions are.
    code = {path.relative_to(ROOT).as_posix() for path in (ROOT / "mnist_deploy").rglob("*.py")}
    assert len(code) > 200 and hashed >= code | {"mnist_deploy/data/mnist.npz", "pyproject.toml"}
    assert "${{ env.NETWORKS }}" in cache["key"] and "${{ steps.libraries.outputs.versions }}" in cache["key"]
