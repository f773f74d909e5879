"""Where int8 takes longer than float32, by verdict, with the command that shows why: one sentence each."""

from collections.abc import Iterable, Iterator

from mnist_deploy.artifacts import Precision
from mnist_deploy.benchmark.comparison import Ratio, Verdict, ratio, verdict
from mnist_deploy.kinds import Variant, identity
from mnist_deploy.profiling.profilers import PROFILERS
from mnist_deploy.reports.layout import who
from mnist_deploy.reports.units import times
from mnist_deploy.results import Measurement


def setbacks(rows: Iterable[Measurement]) -> list[str]:
    """Return a sentence for each int8 row that is slower than its float32 twin among `rows`.

    Args:
        rows: measurements of one network in one use. The twin has the same format, variant, runtime and device. Rows
            without a rank are of a run that gives no verdicts, here neither.
    """
    judged = [one for one in rows if one.rank is not None]
    twins = {_place(one): one for one in judged if one.precision == Precision.FLOAT32}
    pairs = [(one, twins.get(_place(one))) for one in judged if one.precision == Precision.INT8]
    return list(_slower((one, twin) for one, twin in pairs if twin is not None))


def _slower(pairs: Iterable[tuple[Measurement, Measurement]]) -> Iterator[str]:
    for one, twin in pairs:
        found = ratio(one.series, twin.series)
        if verdict(found) is Verdict.SLOWER:
            artifact, runtime = who(one)
            yield f"{artifact} in {runtime} takes {times(found.centre)} as long as float32{_reach(found)}.{_why(one)}"


def _reach(found: Ratio) -> str:
    return "" if found.low is None or found.high is None else f" (95 %: {times(found.low)} to {times(found.high)})"


def _why(one: Measurement) -> str:
    """Return the command that profiles the two side by side; empty where no profiler does."""
    if one.runtime not in PROFILERS or one.device != "cpu":
        return ""
    use = "" if (one.batch_size, one.threads) == (1, 1) else f" --batch-size {one.batch_size} --threads {one.threads}"
    which = "" if one.variant == Variant.STANDARD else f" --variant {one.variant}"
    what = f"{one.architecture} --format {one.format}{which} --runtime {one.runtime}{use}"
    return f" To see why: mnist-deploy profile {what}"


def _place(one: Measurement) -> tuple[str, ...]:
    return identity(one, of=("format", "variant", "runtime", "device"))
