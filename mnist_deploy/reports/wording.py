"""What a recommendation says, in plain sentences that follow from the records, for every kind of report."""

import shlex
from collections.abc import Iterator

from mnist_deploy.benchmark.comparison import MARGIN, Verdict, verdict
from mnist_deploy.decisions.parting import more_accurate
from mnist_deploy.decisions.parting import times as time_ratio
from mnist_deploy.decisions.records import ACCURACY_DROP, PARITY, Candidate, Prefer, Recommendation
from mnist_deploy.kinds import options, slug
from mnist_deploy.pipeline.gathering import Gathered
from mnist_deploy.plural import counted
from mnist_deploy.reports.misses import left_out
from mnist_deploy.reports.units import number_bytes, points, rate, seconds, seconds_interval, times
from mnist_deploy.results import Measurement

NOTHING = "nothing"

_BEST = {
    Prefer.LATENCY: "Fastest",
    Prefer.THROUGHPUT: "Most images a second",
    Prefer.SIZE: "Smallest",
    Prefer.ACCURACY: "Most accurate",
}

# What sets the calls of artifacts with uint8 input apart from those beside them.
UINT8 = "its calls scale the pixels too, which float32 input leaves outside the clock; compare them by --end-to-end"


def why(found: Recommendation) -> str:
    """Return why the chosen one was chosen; why nothing was, where nothing fits."""
    among = f"{counted(found.considered, 'candidate')} ({_batches(found)})"
    limited = any(name not in (PARITY, ACCURACY_DROP) for name in found.excluded) or found.excluded.get(ACCURACY_DROP)
    if found.chosen is None:
        kept = "keeps every limit" if limited else "kept its parity gate"
        return f"None of {among} {kept}. {left_out(found)}".strip()
    kept = "those that keep every limit" if limited else "those that kept their parity gate"
    kept = kept if found.fitting < found.considered else "all"
    number = f"{found.fitting} of " if found.fitting < found.considered else ""
    first = f"{_BEST[found.wishes.prefer]} of {kept}: {number}{among}."
    following = next((one for one in found.runners_up), None)
    sentences = [
        first,
        _passed_over(found, found.chosen),
        _lead(found, found.chosen, following) if following else "",
        accuracy_kept(found),
        left_out(found),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def accuracy_kept(found: Recommendation) -> str:
    """Return how far below the best accuracy a choice may be, and the option that lifts it; empty if none was lower."""
    allowed, best = found.wishes.max_accuracy_drop, found.best_within_limits
    if allowed is None or best is None or not found.excluded[ACCURACY_DROP]:
        return ""
    of = "measured" if best == found.best_accuracy else "that keeps the other limits"
    return (
        f"Only accuracies within {points(allowed)} of the best {of}, {best:.4f}, are considered; "
        f"to consider all: {ACCURACY_DROP} none."
    )


def _passed_over(found: Recommendation, chosen: Candidate) -> str:
    """Say what comes before the chosen candidate by no more than noise, and what is worse in it."""
    other = found.passed_over
    if other is None:
        return ""
    better = {
        Prefer.SIZE: f"is {chosen.measurement.size_bytes - other.measurement.size_bytes:,} bytes smaller",
        Prefer.ACCURACY: "has as high an accuracy but for chance",
    }.get(found.wishes.prefer, "is as fast but for noise")
    return f"{named(other, chosen)} {better}, and gives up {gives_up(other, chosen)}."


def _batches(found: Recommendation) -> str:
    return f"batch {', '.join(map(str, found.batch_sizes or [found.batch_size]))}"


def _lead(found: Recommendation, chosen: Candidate, following: Candidate) -> str:
    """Say how far the best of those is behind that are neither tied with the chosen one nor undecided against it."""
    prefer = found.wishes.prefer
    who = f"The next{' that is neither tied nor undecided' if found.tied else ''}, {named(following, chosen)},"
    if prefer is Prefer.SIZE and following.measurement.size_bytes > chosen.measurement.size_bytes:
        factor = following.measurement.size_bytes / chosen.measurement.size_bytes
        larger = f"has {times(factor)} its size" if factor >= 1.1 else f"is {factor - 1:.2%} larger"
        return f"{who} {larger} ({number_bytes(following.measurement.size_bytes)})."
    if prefer is Prefer.ACCURACY and following.accuracy is not None and following.accuracy != chosen.accuracy:
        return f"{who} has {_accuracy(following, chosen)}."
    equal = {Prefer.SIZE: "is as small and ", Prefer.ACCURACY: "is as accurate and "}.get(prefer, "")
    apart = time_ratio(following, chosen, prefer)
    reach = "" if apart.low is None or apart.high is None else f" (95 %: {times(apart.low)} to {times(apart.high)})"
    image = " an image" if prefer is Prefer.THROUGHPUT else ""
    return f"{who} {equal}takes {times(apart.centre)} as long{image}{reach}."


def facts(one: Candidate) -> list[tuple[str, str]]:
    """Return what is known of a candidate, as names and values."""
    row = one.measurement
    threads = counted(row.threads, "thread")
    version = f" {row.runtime_version}" if row.runtime_version else ""
    call = f"one call, {counted(row.batch_size, 'image')}"
    needed = ", the runtime and all that it requires"
    timed = ", from pixels to label" if row.timed == "end-to-end" else ""
    return [
        ("runtime", f"{row.runtime}{version} on {row.device}, {threads}, batch {row.batch_size}"),
        ("quiet p50", f"{seconds(row.latency_quiet_s)}{_interval(row)}; {call}{timed}"),
        ("images/s", f"{rate(one.throughput_images_per_s)} by the quiet p50"),
        ("accuracy", _known_accuracy(one)),
        ("parity", parity(one)),
        ("size", number_bytes(row.size_bytes)),
        ("memory", f"{number_bytes(row.memory_bytes)}, library and model"),
        ("installed", "unknown" if one.installed_bytes is None else f"{number_bytes(one.installed_bytes)}{needed}"),
    ]


def parity(one: Candidate) -> str:
    """Return whether a candidate kept its parity gate, and what warnings there are."""
    if one.passed is None:
        return "not verified"
    verdict = "passed" if one.passed else f"FAILED: {'; '.join(one.failures)}"
    return f"{verdict}; warning: {'; '.join(one.warnings)}" if one.warnings else verdict


def _known_accuracy(one: Candidate) -> str:
    if one.accuracy is None:
        return "unknown: not verified"
    if one.accuracy_low is None or one.accuracy_high is None:
        return f"{one.accuracy:.4f}"
    return f"{one.accuracy:.4f} (95 %: {one.accuracy_low:.4f} to {one.accuracy_high:.4f})"


def _interval(row: Measurement) -> str:
    low, high = row.latency_quiet_low_s, row.latency_quiet_high_s
    return "" if low is None or high is None else f" (95 %: {seconds_interval(low, high)})"


def named(one: Candidate, chosen: Candidate) -> str:
    """Return a candidate in words, with its batch size where that is another than the chosen one's."""
    size = one.measurement.batch_size
    return one.label if size == chosen.measurement.batch_size else f"{one.label}, batch {size}"


def gives_up(one: Candidate, chosen: Candidate) -> str:
    """Return what taking `one` for `chosen` would cost: 'latency 13.0 us (4.54x)'; 'nothing' if it costs nothing."""
    return ", ".join(text for text, worse in _trades(one, chosen) if worse) or NOTHING


def gains(one: Candidate, chosen: Candidate) -> str:
    """Return what taking `one` for `chosen` would bring; 'nothing' if it brings nothing."""
    return ", ".join(text for text, worse in _trades(one, chosen) if not worse) or NOTHING


def _trades(one: Candidate, chosen: Candidate) -> Iterator[tuple[str, bool]]:
    """Yield each respect in which two candidates differ by 3 % or more, and whether `one` is the worse in it."""
    mine, theirs = one.measurement, chosen.measurement
    if mine.batch_size != theirs.batch_size:
        factor = one.throughput_images_per_s / chosen.throughput_images_per_s
        if _differs(factor):
            yield f"images/s {rate(one.throughput_images_per_s)} ({_factor(factor)})", factor < 1
    if _differs(one.latency_s / chosen.latency_s):
        yield (
            f"latency {seconds(one.latency_s)} ({_factor(one.latency_s / chosen.latency_s)})",
            (one.latency_s > chosen.latency_s),
        )
    if one.accuracy is None and chosen.accuracy is not None:
        yield "accuracy unknown (not verified)", True
    elif one.accuracy is not None and chosen.accuracy is not None and one.accuracy != chosen.accuracy:
        yield _accuracy(one, chosen), one.accuracy < chosen.accuracy
    costs = (
        ("size", mine.size_bytes, theirs.size_bytes),
        ("memory", mine.memory_bytes, theirs.memory_bytes),
        ("installed", one.installed_bytes, chosen.installed_bytes),
    )
    for name, ours, his in costs:
        if ours is None and his is not None:
            yield f"{name} unknown", True
        elif ours and his and _differs(ours / his):
            yield f"{name} {number_bytes(ours)} ({_factor(ours / his)})", ours > his


def _factor(value: float) -> str:
    return f"{value:.2g}x" if value < 0.1 else times(value)


def _differs(factor: float) -> bool:
    return max(factor, 1 / factor) >= 1 + MARGIN


def _accuracy(one: Candidate, chosen: Candidate) -> str:
    """Return an accuracy and how many points it is from the chosen one's, and whether that could be chance."""
    if one.accuracy is None or chosen.accuracy is None:
        return "accuracy unknown"
    chance = "" if more_accurate(one, chosen) or more_accurate(chosen, one) else ", within chance"
    return f"accuracy {one.accuracy:.4f} ({(one.accuracy - chosen.accuracy) * 100:+.2f} points{chance})"


def verdict_against(one: Candidate, chosen: Candidate, found: Recommendation) -> Verdict:
    """Return the word for a time against the chosen one's; `undecided` where the run gives no verdicts."""
    if found.undecided is not None:
        return Verdict.UNDECIDED
    word = verdict(time_ratio(one, chosen, found.wishes.prefer))
    # What its own comparison calls slower, many comparisons at once may not; see `parting.Parting.ties`.
    return Verdict.UNDECIDED if one in found.tied and word is not Verdict.TIE else word


def tie(one: Candidate, found: Recommendation) -> str:
    """Return how the time of one that is not slower compares with the chosen one's: a tie, or undecided."""
    if found.chosen is None:
        return ""
    apart = time_ratio(one, found.chosen, found.wishes.prefer)
    told = f"{seconds(one.latency_s)}, {times(apart.centre)} as long"
    if found.undecided is not None or apart.low is None or apart.high is None:
        return told
    reach = f"95 %: {times(apart.low)} to {times(apart.high)}"
    return f"{told} ({reach}): {verdict_against(one, found.chosen, found)}"


def failed_but_better(found: Recommendation) -> str:
    """Return that another would have been chosen, had it kept its gate; empty if none would."""
    one, chosen = found.better_but_failed, found.chosen
    if one is None or chosen is None:
        return ""
    return (
        f"{named(one, chosen)} would have been chosen, but failed its parity gate ({'; '.join(one.failures)}). "
        f"It gives up {gives_up(one, chosen)}; gains {gains(one, chosen)}. To take it: --ignore-gates."
    )


def sources(gathered: Gathered) -> list[str]:
    """Return what the figures come from and what they cover, and what they do not, one sentence each."""
    found, path = gathered.results, gathered.sources[0]
    cells = counted(len(found.measurements), "cell")
    names = counted(len({one.architecture for one in found.measurements}), "network")
    told = [f"Measured {found.created_at:%Y-%m-%d %H:%M} UTC, {cells} of {names}: {path}"]
    if gathered.sources[1:]:
        told.append(f"Verified or trained: {', '.join(map(str, gathered.sources[1:]))}")
    if gathered.wider:
        wider = gathered.wider
        told.append(
            f"Another measurement of the same models has {counted(wider.cells, 'cell')} that this one has not; "
            f"to choose among its figures: --results {shlex.quote(str(wider.path))}"
        )
    if gathered.skipped:
        files = counted(len(gathered.skipped), "results file")
        told.append(f"Passed over {files} that cannot be read; the first: {gathered.skipped[0]}")
    return told


def package_command(one: Candidate) -> str:
    """Return the command that makes a folder to deploy of a candidate."""
    row = one.measurement
    told = shlex.join([*shlex.split(options(row)), "--runtime", row.runtime])
    folder = shlex.quote(f"{row.architecture}-{slug(row)}-{row.runtime}")
    return f"mnist-deploy package {shlex.quote(row.architecture)} {told} --output {folder}"
