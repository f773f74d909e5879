"""Figures in the units that people read."""

from decimal import Decimal

_UNITS_OF_TIME = ((1e9, "ns"), (1e6, "us"), (1e3, "ms"), (1.0, "s"))


def seconds(value: float | None) -> str:
    """Return a time with three significant digits and its unit: ns, us, ms or s; '-' for none."""
    if value is None:
        return "-"
    factor, unit = _unit_of_time(value)
    return f"{_three(value * factor)} {unit}"


def seconds_interval(low: float | None, high: float | None) -> str:
    """Return an interval of times in one unit, that of its upper end: '0.990 to 1.02 us'; '-' where an end is None."""
    if low is None or high is None:
        return "-"
    factor, unit = _unit_of_time(high)
    return f"{_three(low * factor)} to {_three(high * factor)} {unit}"


def _unit_of_time(value: float) -> tuple[float, str]:
    return next((each for each in _UNITS_OF_TIME if value * each[0] < 999.5), _UNITS_OF_TIME[-1])


def number_bytes(value: float | None) -> str:
    """Return a size in decimal units, 1 kB being 1000 bytes: B, kB, MB or GB; '-' for none."""
    if value is None:
        return "-"
    if value < 1000:
        return f"{value:.0f} B"
    return _in_thousands(value, ("kB", "MB", "GB"))


def rate(value: float | None) -> str:
    """Return a rate with three significant digits and k, M or G for thousands, millions or milliards; '-' for none."""
    if value is None:
        return "-"
    if value < 999.5:
        return _three(value)
    return _in_thousands(value, ("k", "M", "G"))


def percent(value: float | None) -> str:
    """Return a share in whole percent, with a decimal below ten; '-' for none."""
    if value is None:
        return "-"
    return f"{value:.1%}" if value < 0.0995 else f"{value:.0%}"


def points(value: float | None) -> str:
    """Return a difference of two shares in percentage points: '1 point', '0.25 points'; '-' for none."""
    if value is None:
        return "-"
    text = f"{value * 100:.2f}".rstrip("0").rstrip(".")
    return f"{text} point{'' if text == '1' else 's'}"


def times(value: float) -> str:
    """Return a factor with three significant digits and an x."""
    return f"{float(f'{value:.3g}'):,.0f}x" if value >= 99.95 else f"{_three(value)}x"


def _in_thousands(value: float, units: tuple[str, str, str]) -> str:
    """Return `value` with the unit of its thousands, millions or milliards."""
    for factor, unit in zip((1e3, 1e6), units, strict=False):
        if value < factor * 999.5:
            return f"{_three(value / factor)} {unit}"
    return f"{_three(value / 1e9)} {units[2]}"


def _three(value: float) -> str:
    if value >= 99.95:
        return f"{value:.0f}"
    if 0 < value < 0.9995:
        # Never with an exponent, as 'g' would write what is below 0.0001.
        return f"{Decimal(f'{value:.2e}'):f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
