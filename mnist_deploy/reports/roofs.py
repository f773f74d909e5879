"""What a share of the roofline means, and why it may be above 100 %: said below each table that shows one."""

from collections.abc import Sequence

from mnist_deploy.benchmark.roofline import Roof
from mnist_deploy.plural import counted
from mnist_deploy.reports.measurements import ROOF_PASSED
from mnist_deploy.reports.units import rate
from mnist_deploy.results import Measurement


def roof_note(rows: Sequence[Measurement], roofs: Sequence[Roof]) -> str:
    """Return what the column `roof` of these rows means; where a share is above 100 %, also how that can be."""
    note = "roof: attained FLOP/s as a share of the float32 roofline (numpy's matrix product, memory bandwidth)."
    high = [row for row in rows if row.roof_share is not None and row.roof_share > 1]
    if not high:
        return note
    note += f" {ROOF_PASSED}"
    threads = high[0].threads
    here = next((roof for roof in roofs if roof.threads == threads), None)
    better = max(
        (roof for roof in roofs if roof.threads < threads), key=lambda roof: roof.peak_flops_per_s, default=None
    )
    if here and better and here.peak_flops_per_s < better.peak_flops_per_s:
        slow, fast = (
            f"{rate(roof.peak_flops_per_s)}FLOP/s with {counted(roof.threads, 'thread')}" for roof in (here, better)
        )
        note += f" This roofline was measured while other programs ran ({slow}, but {fast}): its shares are too high."
    return note
