"""The workflows are what GitHub reads, and every command in them is one that is there."""

import re
import shlex
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
