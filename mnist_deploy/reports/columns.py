"""What stands below a table: what its columns mean, and why one that has no value in any row is not shown."""

from collections.abc import Iterable

from mnist_deploy.reports.measurements import VERDICTS
from mnist_deploy.results import Results

P50_NOTE = "quiet p50: the median call time while the machine is quiet; ±: its 95 % interval for another run."
VERDICTS_NOTE = f"verdict: {'; '.join(f'{word}, {meaning}' for word, meaning in VERDICTS.items())}."
UNKNOWN = "no row has a value"
NO_ROOF = "it is of networks on the CPU, and these ran elsewhere or run no model"
INSTALLED_UNKNOWN = "how much disk space the runtimes take is unknown"
NOT_VERIFIED = "nothing here was verified; run mnist-deploy verify"


def reasons(results: Results) -> dict[str, str]:
    """Return why a column of a table of measurements may be empty, by the column's name."""
    baseline = results.baseline or "the baseline"
    no_verdicts = results.noise.no_verdicts if results.noise else "how noisy the machine was is not recorded"
    verdicts = f"no verdicts: {no_verdicts or 'fewer than three passes'}"
    end_to_end = any(row.timed == "end-to-end" for row in results.measurements)
    return {
        "rank": verdicts,
        "verdict": verdicts,
        "speed-up": f"{baseline} was not measured here, so there is nothing to compare with",
        "roof": "it is of the network alone, and these calls begin with pixels" if end_to_end else NO_ROOF,
        "accuracy": NOT_VERIFIED,
        "change": NOT_VERIFIED,
        "parity": NOT_VERIFIED,
    }


def not_shown(columns: Iterable[tuple[str, str]]) -> list[str]:
    """Return a sentence for each reason among columns that are left out, given as their names and reasons."""
    names: dict[str, list[str]] = {}
    for name, reason in columns:
        names.setdefault(reason or UNKNOWN, []).append(name)
    return [f"Not shown: {', '.join(group)} ({reason})." for reason, group in names.items()]
