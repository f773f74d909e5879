"""Figures in the units that people read."""


def seconds(value: float | None) -> str:
    """Return a time with three significant digits and its unit: ns, us, ms or s; '-' for none."""
    if value is None:
        return "-"
    for factor, unit in ((1e9, "ns"), (1e6, "us"), (1e3, "ms")):
        if value * factor < 999.5:
            return f"{_three(value * factor)} {unit}"
    return f"{_three(value)} s"


def number_bytes(value: float) -> str:
    """Return a size in decimal units, 1 kB being 1000 bytes: B, kB or MB."""
    if value < 1000:
        return f"{value:.0f} B"
    return f"{_three(value / 1e3)} kB" if value < 999_500 else f"{_three(value / 1e6)} MB"


def rate(value: float) -> str:
    """Return a rate with three significant digits and k or M for thousands or millions."""
    if value < 999.5:
        return _three(value)
    return f"{_three(value / 1e3)} k" if value < 999_500 else f"{_three(value / 1e6)} M"


def _three(value: float) -> str:
    if value >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
