"""What was measured, as tables: one for each network and use, one of costs for each network, and how it was done."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType

from mnist_deploy.benchmark.comparison import MARGIN, TIE_MARGIN, VersusFastest
from mnist_deploy.benchmark.statistics import MIN_PASSES_FOR_INTERVAL
from mnist_deploy.decisions.recommendation import inputs_differ
from mnist_deploy.kinds import kind
from mnist_deploy.plural import counted
from mnist_deploy.reports.fitted import FittedTable
from mnist_deploy.reports.layout import marker, quiet_reach, reach, row, symbols, table, titled, trusted, who
from mnist_deploy.reports.setbacks import setbacks
from mnist_deploy.reports.units import number_bytes, percent, rate, seconds, times
from mnist_deploy.reports.wording import UINT8
from mnist_deploy.results import Check, Comparison, Measurement, Noise, Results, RuntimeRow

# The words beside a rank; see `comparison.versus_fastest`.
VERDICTS = {
    VersusFastest.TIE: f"another run would show less than {TIE_MARGIN:.0%} between it and the fastest",
    VersusFastest.UNDECIDED: "the run shows neither a tie with the fastest nor a difference",
    VersusFastest.SLOWER: f"than the fastest by {MARGIN:.0%} or more, beyond chance",
}
ROOF_PASSED = (
    "roof beyond 100%: faster than numpy's float32 arithmetic, which the roof is measured with; int8 arithmetic and "
    "kernels that use more of the processor's instructions are."
)


def measurements(results: Results) -> Iterator[RenderableType]:
    """Yield each network's tables of speed, fastest first, and its table of costs; then how it was measured."""
    for name in dict.fromkeys(one.architecture for one in results.measurements):
        mine = [one for one in results.measurements if one.architecture == name]
        uses = list(dict.fromkeys((one.batch_size, one.threads) for one in mine))
        for batch, threads in uses:
            rows = [one for one in mine if (one.batch_size, one.threads) == (batch, threads)]
            yield _speed(f"{name}: batch {batch}, {counted(threads, 'thread')}", batch, rows, results)
        yield _costs(name, [one for one in mine if (one.batch_size, one.threads) == uses[0]], quick=results.quick)
    if results.measurements:
        yield _runtimes(results.runtimes, results.measurements, quick=results.quick)
        yield from _how(results)


def checks(records: Sequence[Check]) -> RenderableType:
    """Return the harness's checks of itself."""
    body = table(("check", "about"), ("value",), ("limit", ""))
    for one in records:
        cells = row((one.name, one.detail, f"{one.value:.4f}", one.limit, "pass" if one.passed else "FAIL"))
        body.add_row(*cells, style=None if one.passed else "red")
    return titled("Self-check of the harness", body)


def _speed(title: str, batch: int, rows: list[Measurement], results: Results) -> RenderableType:
    end_to_end = ", from pixels to label" if rows[0].timed == "end-to-end" else ""
    body = table(("rank", "artifact", "runtime"), ("quiet p50", "+-", "speed-up", "p99", "images/s", "roof"))
    rows = sorted(rows, key=lambda one: one.latency_quiet_s)
    best = marker([one.latency_quiet_s for one in rows], seconds)
    for one in rows:
        speed = (best(one.latency_quiet_s), percent(quiet_reach(one)), _speed_up(one.speed_up))
        p99 = trusted(seconds(one.latency_p99_s), one.latency_p99_half_width)
        images = trusted(rate(one.throughput_images_per_s), one.throughput_half_width)
        rest = (p99, images, percent(one.roof_share))
        body.add_row(*row((standing(one, align=True), *who(one), *speed, *rest)))
    notes = [_speed_note(batch, rows, results), *_words_and_symbols(body, rows), *setbacks(rows)]
    return titled(title + end_to_end, body, notes, missing=_missing(rows, results), quick=results.quick)


def _words_and_symbols(body: FittedTable, rows: Sequence[Measurement]) -> Iterator[str]:
    """Yield what the words and symbols mean that stand in a table of speed, and why a roof may be passed."""
    words = {row.versus_fastest for row in rows}
    # Where there is neither a tie nor an undecided row, 'slower' needs no telling apart.
    if words & {VersusFastest.TIE, VersusFastest.UNDECIDED}:
        yield "; ".join(f"{word}: {meaning}" for word, meaning in VERDICTS.items() if word in words) + "."
    yield from symbols(body)
    if any(row.roof_share is not None and row.roof_share > 1 for row in rows):
        yield ROOF_PASSED


def _missing(rows: Sequence[Measurement], results: Results) -> dict[str, str]:
    """Return, for each column of a table of speed that may be empty, why it is."""
    why = results.noise.no_verdicts if results.noise else None
    no_ranks = f"No ranks and verdicts{f': {why}' if why else ''}."
    no_roof = "No roof: it is of the network on the CPU, not of a GPU or of runtimes that run no model."
    if rows[0].timed == "end-to-end":
        no_roof = "No roof: it is of the network alone, not of what turns pixels into its input."
    baseline = results.baseline or "one"
    return {
        "rank": no_ranks,
        "+-": f"No intervals: they take {MIN_PASSES_FOR_INTERVAL} passes.",
        "speed-up": f"No speed-ups: no row here to compare with the baseline, {baseline}; --baseline names another.",
        "roof": no_roof,
    }


def _speed_note(batch: int, rows: list[Measurement], results: Results) -> str:
    passes = max(one.passes for one in rows)
    notes = [f"Times are for one call with {counted(batch, 'image')}; {counted(passes, 'pass', 'passes')}."]
    winner = next((one for one in rows if one.sole_winner), None)
    if winner is not None:
        notes.append(f"{kind(winner)} in {winner.runtime} is the sole winner.")
    elif rows[0].rank is not None and len(rows) > 1:
        first = sum(one.rank == 1 for one in rows)
        notes.append("No sole winner." if first == 1 else f"The first {first} share rank 1.")
    if rows[0].resolution is not None:
        notes.append(f"Differences under {percent(rows[0].resolution)} are not resolved here.")
    if results.baseline is not None and any(one.speed_up for one in rows):
        notes.append(f"Speed-up against {results.baseline}.")
    return " ".join(notes)


def _costs(name: str, rows: list[Measurement], *, quick: bool) -> RenderableType:
    body = table(("artifact", "runtime"), ("size", "memory", "GPU memory", "load", "1st call", "engine"))
    rows = sorted(rows, key=lambda one: one.latency_quiet_s)
    size = marker([one.size_bytes for one in rows], number_bytes)
    memory = marker([one.memory_bytes for one in rows], number_bytes)
    load = marker([one.load_s for one in rows], seconds)
    first_call = marker([one.first_call_s for one in rows], seconds)
    for one in rows:
        held = (size(one.size_bytes), memory(one.memory_bytes), number_bytes(one.device_memory_bytes))
        took = (load(one.load_s), first_call(one.first_call_s), seconds(one.engine_s))
        body.add_row(*row((*who(one), *held, *took)))
    use = f"batch {rows[0].batch_size}, {counted(rows[0].threads, 'thread')}"
    told = [f"Measured with {use}.", "memory: what the process grew by, library and model, at its peak."]
    if any(one.device_memory_bytes is not None for one in rows):
        told.append("GPU memory: what the GPU's memory in use grew by, other processes' share included.")
    if any(one.engine_s is not None for one in rows):
        told.append("engine: what the library itself says of a call.")
    missing = {"engine": "No engine: none of these libraries says how long a call took."}
    if any(one.device != "cpu" for one in rows):
        missing["GPU memory"] = "No GPU memory: the driver (NVML) does not tell it."
    return titled(
        f"{name}: what each costs besides", body, [" ".join(told), *symbols(body)], missing=missing, quick=quick
    )


def _runtimes(runtimes: Sequence[RuntimeRow], rows: Sequence[Measurement], *, quick: bool) -> RenderableType:
    body = table(("runtime", "version"), ("installed",), ("what the clock stands around",))
    for one in runtimes:
        calls = list(dict.fromkeys(row.call for row in rows if row.runtime == one.runtime))
        body.add_row(*row((one.runtime, one.version or "-", number_bytes(one.installed_bytes), "; or ".join(calls))))
    notes = ["installed: the runtime's package and all that it requires, on disk."]
    return titled("Runtimes", body, notes, quick=quick)


def _how(results: Results) -> Iterator[RenderableType]:
    """Yield the legend, how quiet the machine was, and what follows from that."""
    body = table(("", ""), header=False)
    for name, text in legend(results):
        body.add_row(*row((name, text)), style="yellow" if name in {"noise", "no verdicts", "memory"} else None)
    yield titled("How it was measured", body, quick=results.quick)


def legend(results: Results) -> Iterator[tuple[str, str]]:
    """Yield what the columns mean, how quiet the machine was, and what follows from that, each under its name."""
    yield "quiet p50", "median call in quiet moments: the 5 % quantile of the bursts' medians; rows are ranked by it"
    yield "rank", "in the order of the times shown; rows that are not slower than the first of a rank share it"
    yield "", "; ".join(f"{word}: {meaning}" for word, meaning in VERDICTS.items())
    yield "+-", "how far another run's figure may lie from it (95 % interval)"
    for roof in results.roofs if any(one.roof_share is not None for one in results.measurements) else []:
        peak, bandwidth = rate(roof.peak_flops_per_s), rate(max(roof.bandwidth_bytes_per_s.values()))
        text = f"share of what numpy's float32 arithmetic ({peak}FLOP/s) and memory ({bandwidth}B/s at most) allow"
        yield "roof", f"{text} with {counted(roof.threads, 'thread')}"
    if inputs_differ(results.measurements):
        yield "uint8", UINT8
    if results.clock_floor_s is not None:
        yield "clock", f"reading it costs {seconds(results.clock_floor_s)}, which is part of every call"
    if results.time_limited and results.plan is not None:
        yield "time limit", time_limited(results)
    if results.most_alive is not None:
        alive = counted(results.most_alive, "runtime")
        yield "memory", f"it held only {alive} at a time; those of other times are compared less closely"
    if results.resumed_at:
        first, *rest = (f"{one:%Y-%m-%d %H:%M} UTC" for one in (results.created_at, *results.resumed_at))
        yield "resumed", f"interrupted, and gone on with: its passes began at {first} and at {', '.join(rest)}"
    if results.noise is not None:
        yield from _noise(results.noise)
    if results.samples is not None:
        yield "samples", f"every timed call is in {results.samples}, beside the results"


def time_limited(results: Results) -> str:
    """Say what a run lacks for want of time."""
    plan = results.plan
    assert plan is not None
    limit = f"within {plan.time_limit_s or 0:g} s"
    if (results.passes_done or 0) < plan.passes:
        return f"{results.passes_done} of {plan.passes} passes were done {limit}; for all: --time-limit none"
    return f"the passes had fewer than half of their {plan.sweeps} sweeps {limit}; for all: --time-limit none"


def _noise(noise: Noise) -> Iterator[tuple[str, str]]:
    if noise.twin_ratio is not None:
        yield "A/A", f"{noise.twin}, measured twice: {noise.twin_ratio - 1:+.1%}"
    others = max(noise.others_cpus.values(), default=0.0)
    text = (
        f"{noise.disturbed} of {noise.bursts} bursts in disturbed moments; other programs used {others:.1f} processors"
    )
    if noise.noisy:
        yield "noise", f"NOISY MACHINE: {text}; quiet p50 and ranks are made for that, what is marked ~ is of this hour"
    else:
        yield "quiet", text
    if noise.no_verdicts is not None:
        yield "no verdicts", noise.no_verdicts


def standing(row: Measurement, *, align: bool = False) -> str:
    """Return a row's rank and its word against the fastest, as '3 slower'; '-' without verdicts.

    With `align` ranks of one digit take as much room as those of two.
    """
    return "-" if row.rank is None else f"{row.rank:<{2 if align else 1}} {row.versus_fastest}"


def _speed_up(found: Comparison | None) -> str:
    return "-" if found is None else trusted(times(found.ratio), reach(found.ratio, found.low, found.high))
