"""Quantities as people write them: 50us, 2 ms, 100KB, 50 MiB, 20k, 98.5%. In: text; out: SI units.

No kept library reads all of these rightly: humanfriendly knows no µ, pint takes K for kelvin, quantiphy M for milli
or mega as its settings say. Numbers are decimal throughout, so that 50us is the same number as a measured 50e-6.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from math import isfinite

from mnist_deploy.errors import UsageError, shown

_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+"
_QUANTITY = re.compile(rf"\s*({_NUMBER})(e[+-]?\d{{1,2}})?\s*([^\d\s.,+-][^\d.,+-]*)?", re.IGNORECASE)
_SECONDS = {
    "ns": "1e-9", "us": "1e-6", "\u00b5s": "1e-6", "\u03bcs": "1e-6", "ms": "1e-3", "s": "1", "sec": "1",
    "m": "60", "min": "60", "h": "3600",
}  # fmt: skip
# K, M and G are powers of 1000, as the International System has them; with an i, powers of 1024 (IEC 80000-13).
_BYTES = {"b": 1} | {
    prefix + end: base**power
    for power, prefix in enumerate("kmg", start=1)
    for base, ends in ((1000, ("", "b")), (1024, ("i", "ib")))
    for end in ends
}
_PER_SECOND = {prefix + end: 1000**power
               for power, prefix in enumerate(("", "k", "m", "g"))
               for end in ("", "/s", "images/s", "img/s")}  # fmt: skip


def duration_s(option: str, text: str, *, bare: bool = False) -> float:
    """Return the seconds that `text` means: '50us', '2 ms', '1.5s', '5m'; a number alone only if `bare` says so.

    Raises:
        UsageError: it means no time above zero.
    """
    units = _SECONDS | {"": "1"} if bare else _SECONDS
    return _positive(option, text, units, "not a time; give a number with ns, us, ms, s, m or h, as 50us or 2ms")


def size_bytes(option: str, text: str) -> int:
    """Return the bytes that `text` means: '100KB' is 100,000 and '100KiB' 102,400.

    Raises:
        UsageError: it means no byte, or has no unit.
    """
    told = "not a size; give a number with B, KB, MB, GB (powers of 1000), KiB, MiB or GiB, as 100KB or 50MiB"
    size = round(_positive(option, text, _BYTES, told))
    if size < 1:
        raise UsageError(f"{option} {shown(text)}: {told}")
    return size


def rate(option: str, text: str) -> float:
    """Return how many a second `text` means: '20000', '20k', '1.5M/s'.

    Raises:
        UsageError: it means no number above zero.
    """
    return _positive(option, text, _PER_SECOND, "not a rate; give images a second, as 20000, 20k or 1.5M")


def share(option: str, text: str) -> float:
    """Return the share that `text` means: '0.985' or '98.5%'.

    Raises:
        UsageError: it means no share from 0 to 1; above 1 the percent sign must be there.
    """
    told = "not a share; give a number from 0 to 1 or a percentage, as 0.985 or 98.5%"
    value = _parsed(text, {"": 1, "%": "0.01"})
    if value is not None and 1 < value <= 100 and "%" not in text:
        raise UsageError(f"{option} {shown(text)}: above 1; give a share or a percent sign, as 0.985 or 98.5%")
    if value is None or not 0 <= value <= 1:
        raise UsageError(f"{option} {shown(text)}: {told}")
    return float(value)


def allowance(option: str, text: str) -> float:
    """Return the share that `text` means: '5%' or '0.05'; unlike a share it may pass 1, but only in percent.

    Raises:
        UsageError: it is no share, or could be meant as percent.
    """
    value = _parsed(text, {"": 1, "%": "0.01"})
    if value is None or ("%" not in text and value >= 1):
        raise UsageError(f"{option} {shown(text)}: give percent or a share below 1, as 5% or 0.05")
    return float(value)


def _positive(option: str, text: str, units: Mapping[str, str | int], told: str) -> float:
    value = _parsed(text, units)
    if value is None or value <= 0:
        raise UsageError(f"{option} {shown(text)}: {told}")
    return float(value)


def _parsed(text: str, units: Mapping[str, str | int]) -> Decimal | None:
    """Return the number in `text` times its unit; None if it is none, or too large. Units are the same in any case."""
    # In ASCII only: other scripts' digits would be read too.
    match = _QUANTITY.fullmatch(text) if re.sub("[\u00b5\u03bc]", "u", text).isascii() else None
    factor = units.get("".join((match[3] or "").lower().split())) if match else None
    if match is None or factor is None:
        return None
    value = Decimal(match[1].replace(",", "") + (match[2] or "")) * Decimal(factor)
    return value if isfinite(float(value)) else None
