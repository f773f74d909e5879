"""The README says what is there."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest

import mnist_deploy
from mnist_deploy.architectures import ARCHITECTURES
from mnist_deploy.artifacts import KERAS_FORMAT, Precision, Variant
from mnist_deploy.benchmark import noise
from mnist_deploy.benchmark.comparison import MARGIN, NEVER_JOINT, TIE_MARGIN
from mnist_deploy.benchmark.schedule import Plan
from mnist_deploy.benchmark.statistics import MIN_CALLS_FOR_P99, QUIET_QUANTILE
from mnist_deploy.cli import reference
from mnist_deploy.cli.compare import ReportFormat
from mnist_deploy.decisions.records import Prefer
from mnist_deploy.deployment.engines import ENGINES
from mnist_deploy.errors import UsageError
from mnist_deploy.exporters import EXPORTERS
from mnist_deploy.parity import GATES
from mnist_deploy.profiling.profilers import PROFILERS
from mnist_deploy.reports.formats import FORMATS
from mnist_deploy.reports.layout import TRUSTED_HALF_WIDTH
from mnist_deploy.runtimes import RUNTIMES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_two_commands_stand_at_the_top() -> None:
    top = "\n".join(README.splitlines()[:6])
    assert 'pip install ".[all]" && mnist-deploy run\npip install -e ".[all,dev]" && pytest\n' in top


def test_every_command_and_option_of_bench_is_named() -> None:
    from mnist_deploy.cli.app import app

    names = [command.name or str(command.callback and command.callback.__name__) for command in app.registered_commands]
    for name in names:
        assert f"`mnist-deploy {name.replace('_', '-')}" in README


def test_reference_is_that_of_the_cli() -> None:
    assert reference.written(README) == README, f"the command line has changed; run: {reference.REMEDY}"


def test_reference_tells_of_every_option() -> None:
    from typer.main import get_command

    from mnist_deploy.cli.app import app

    group: Any = get_command(app)
    told = reference.section()
    shared = told.partition("### Options of every command")[2]
    for name, command in group.commands.items():
        found = told.partition(f"### `mnist-deploy {name}")[2]
        assert found, name
        rows = (found.partition("### ")[0] + shared).splitlines()
        for option in command.params:
            if option.param_type_name == "option" and option.name != "help":
                row = next(row for row in rows if row.startswith((f"| `{option.opts[0]} ", f"| `{option.opts[0]}`")))
                assert ("repeatable" in row.lower()) == option.multiple, row


def test_reference_needs_its_place() -> None:
    with pytest.raises(UsageError, match="cli: begin"):
        reference.written("# A README without marks")


def choices(command: str, option: str) -> str:
    """The help of one option, on one line."""
    from typer.main import get_command

    from mnist_deploy.cli.app import app

    group: Any = get_command(app)
    return str(next(one.help for one in group.commands[command].params if option in one.opts))


@pytest.mark.parametrize(
    ("command", "option", "names"),
    [
        ("bench", "--runtime", [name for name, one in RUNTIMES.items() if not one.diagnostic]),
        ("doctor", "--runtime", [name for name, one in RUNTIMES.items() if not one.diagnostic]),
        ("profile", "--runtime", list(PROFILERS)),
        ("export", "--format", list(EXPORTERS)),
        ("bench", "--format", list(EXPORTERS)),
        ("export", "--precision", list(Precision)),
        ("predict", "--runtime", [name for name, one in RUNTIMES.items() if not one.diagnostic]),
        ("predict", "--format", [KERAS_FORMAT, *EXPORTERS]),
        ("predict", "--precision", list(Precision)),
        ("package", "--runtime", list(ENGINES)),
        ("diagnose", "--format", list(EXPORTERS)),
        ("bench", "--variant", list(Variant)),
        ("recommend", "--prefer", list(Prefer)),
        ("report", "--format", list(FORMATS)),
        ("compare", "--format", list(ReportFormat)),
    ],
)
def test_help_names_all_that_an_option_takes(command: str, option: str, names: list[str]) -> None:
    told = set(re.findall(r"[\w-]+", choices(command, option)))
    assert told >= set(names)


def test_help_tells_which_runtimes_are_opt_in() -> None:
    default, opt_in = choices("bench", "--runtime").removeprefix("Runtime: ").split("; or all")[0].split("; opt-in: ")
    assert set(opt_in.split(", ")) == {name for name, one in RUNTIMES.items() if one.on_request}
    assert not set(default.split(", ")) & set(opt_in.split(", "))


def test_gates_are_those_of_the_code() -> None:
    for name, gate in GATES.items():
        limits = (gate.accuracy_kept, gate.top1_agreement, gate.max_abs_error, gate.batch_changes)
        cells = " | ".join("-" if limit is None else f"{limit:g}" for limit in limits)
        assert f"| {name} | {cells} | {gate.reason}" in README


def assert_says(*told: str) -> None:
    text = " ".join(README.split())
    for words in told:
        assert words in text, words


def test_protocol_is_that_of_the_code() -> None:
    plan, effort = Plan(), Plan().effort
    assert_says(
        f"each of {plan.passes} passes",
        f"bursts of {effort.burst_s * 1000:.0f} ms",
        f"{plan.sweeps} sweeps a pass",
        f"{plan.images:,} real test",
        f"within {plan.time_limit_s:.0f} s",
        f"longer than {effort.limit_s:.0f} s for one step",
        f"only from {MIN_CALLS_FOR_P99} calls on",
    )
    (default,) = re.findall(r"`--time-limit TIME` \| Maximum measuring time: .*\| (\d+)s \|", README)
    assert float(default) == plan.time_limit_s


def share(value: float) -> str:
    return f"{value * 100:.0f} %"


def test_verdicts_and_noise_are_judged_as_the_readme_says() -> None:
    assert_says(
        f"the {share(QUIET_QUANTILE)} quantile of the bursts",
        f"the ratio is {share(MARGIN)} or more from it",
        f"the interval is within {share(TIE_MARGIN)} of 1",
        f"{NEVER_JOINT} times the time",
        f"{share(noise.PROBE_TOLERANCE - 1)} over its quiet time",
        f"over {share(noise.NOISY_SHARE)} of the bursts",
        f"by more than {share(TRUSTED_HALF_WIDTH)}",
    )


def test_tables_in_the_readme_name_real_things() -> None:
    start = r"^(?:\d+ +(?:fastest|tie|undecided|slower) +)?(keras|saved_model|tflite|onnx) (\w+) +"
    rows = re.findall(start + r"(?!opset)([a-z-]+) +\d", README, flags=re.MULTILINE)
    assert rows, "the README shows a table of a real run"
    for format, precision, runtime in rows:
        assert format in RUNTIMES[runtime].formats
        assert format == "keras" or precision in EXPORTERS[format].precisions
    assert any(name in README for name in ARCHITECTURES)


@pytest.mark.parametrize("name", mnist_deploy.__all__)
def test_public_names_can_be_had(name: str) -> None:
    assert getattr(mnist_deploy, name) is not None


def test_unknown_public_name() -> None:
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = mnist_deploy.nothing_such


def test_every_table_is_whole() -> None:
    """A header before each line of dashes, and as many cells in each row: an edit once left half a table."""
    tables = 0
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        lines = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL).splitlines()
        for number, line in enumerate(lines):
            if not re.fullmatch(r"\|( :?-+:? \|)+", line):
                continue
            tables += 1
            rows = [lines[number - 1], *itertools.takewhile(lambda row: row.startswith("|"), lines[number:])]
            cells = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
            assert rows[0].startswith("|") and len(cells) == 1, rows[0]
    assert tables > 20
