"""What the limits of a recommendation left out, by how much, and with which options it would fit."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from mnist_deploy.decisions.records import ACCURACY_DROP, PARITY, Miss, NearMiss, Recommendation, Wishes
from mnist_deploy.reports.units import number_bytes, points, rate, seconds, times

_TIMES = {"ns": Decimal("1e-9"), "us": Decimal("1e-6"), "ms": Decimal("1e-3"), "s": Decimal(1)}
_SIZES = {"B": Decimal(1), "KB": Decimal(1000), "MB": Decimal(10**6), "GB": Decimal(10**9)}
_RATES = {"": Decimal(1), "k": Decimal(1000), "M": Decimal(10**6)}


def left_out(found: Recommendation) -> str:
    """Return how many candidates each limit left out, most first; empty if none did."""
    counts = sorted(((count, name) for name, count in found.excluded.items() if count), reverse=True)
    if not counts:
        return ""
    told = ", ".join(f"{count} by {_asked(name, found.wishes)}" for count, name in counts)
    return f"Left out: {told}{'; one may miss several' if len(counts) > 1 else ''}."


def missed(one: NearMiss) -> str:
    """Return which limits a candidate misses and by how much, in one sentence without its full stop."""
    return "; ".join(_missed(one, miss) for miss in one.misses)


def remedy(one: NearMiss) -> str:
    """Return with which options a candidate would fit, or what would tell whether it does."""
    name = one.candidate.measurement.architecture
    unknown = [miss for miss in one.misses if miss.value is None and miss.allowed is not None]
    if any(miss.limit == "--min-accuracy" for miss in unknown) or (_gate(one) and one.candidate.passed is None):
        return f"To know: mnist-deploy verify {name}"
    if unknown:
        return f"It would fit without {', '.join(miss.limit for miss in unknown)}, as far as is known."
    return f"It would fit with {' '.join(_relaxed(miss) for miss in one.misses)}"


def figure(limit: str, value: float | None) -> str:
    """Return a value of what `limit` limits, for people; 'unknown' for none."""
    if value is None:
        return "unknown"
    if limit == "--max-latency":
        return seconds(value)
    if limit == "--min-throughput":
        return rate(value)
    if limit == ACCURACY_DROP:
        return points(value)
    return f"{value:g}" if limit == "--min-accuracy" else number_bytes(value)


def _asked(name: str, wishes: Wishes) -> str:
    """Return a limit as it was asked for."""
    if name == PARITY:
        return "the parity gate (failed, or not verified)"
    allowed = {
        "--max-latency": wishes.max_latency_s,
        "--min-throughput": wishes.min_throughput_images_per_s,
        "--min-accuracy": wishes.min_accuracy,
        ACCURACY_DROP: wishes.max_accuracy_drop,
        "--max-size": wishes.max_size_bytes,
        "--max-memory": wishes.max_memory_bytes,
        "--max-install-size": wishes.max_install_bytes,
    }
    return f"{name} {figure(name, allowed[name])}"


def _missed(one: NearMiss, miss: Miss) -> str:
    if miss.limit == PARITY:
        failures = "; ".join(one.candidate.failures)
        return "it was not verified" if one.candidate.passed is None else f"it failed its parity gate ({failures})"
    asked = f"{miss.limit} {figure(miss.limit, miss.allowed)}"
    if miss.value is None:
        return f"{asked} against an unknown figure"
    errors = " the errors" if miss.limit == "--min-accuracy" else ""
    factor = f" ({times(miss.excess)}{errors})" if miss.excess else ""
    return f"{asked} against its {figure(miss.limit, miss.value)}{factor}"


def _gate(one: NearMiss) -> bool:
    return any(miss.limit == PARITY for miss in one.misses)


def _relaxed(miss: Miss) -> str:
    if miss.limit == PARITY or miss.value is None:
        return "--ignore-gates"
    return f"{miss.limit} {reaching(miss.limit, miss.value)}"


def reaching(limit: str, value: float) -> str:
    """Return the nearest round limit that `value` keeps, as the option takes it: '13.1us' for a p50 of 13.04 us."""
    number = Decimal(repr(float(value)))
    rounding = ROUND_FLOOR if limit.startswith("--min") else ROUND_CEILING
    if limit == "--min-accuracy":
        return f"{number.quantize(Decimal('0.0001'), rounding).normalize():f}"
    units = {"--max-latency": _TIMES, "--min-throughput": _RATES}.get(limit, _SIZES)
    small = next(iter(units))
    unit = next((name for name in reversed(units) if number >= units[name]), small)
    scaled = number / units[unit]
    if unit == "B":
        return f"{scaled.quantize(Decimal(1), rounding):f}B"
    return f"{scaled.quantize(Decimal(1).scaleb(scaled.adjusted() - 2), rounding).normalize():f}{unit}"
