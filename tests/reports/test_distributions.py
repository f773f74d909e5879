import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_deploy.reports.html.distributions import QUANTILES, distribution, distributions
from tests.records import RECORDS
from tests.reports.pages import key, recording


def test_known_quantiles_and_shares() -> None:
    calls = np.arange(1, 1002, dtype=np.int64) * 1000
    found = distribution(calls, 501e-6)
    assert found.calls == 1001
    assert found.quantiles_s == pytest.approx({0.05: 51e-6, 0.25: 251e-6, 0.5: 501e-6, 0.75: 751e-6, 0.95: 951e-6})
    assert found.below == pytest.approx(250 / 1001) and found.above == 0
    assert sum(share for *_, share in found.bins) == pytest.approx(751 / 1001)


def test_all_calls_alike_are_in_one_bin_around_one() -> None:
    found = distribution(np.full(200, 3000, np.int64), 3e-6)
    ((low, high, share),) = found.bins
    assert low <= 1 <= high and share == 1 and high / low == pytest.approx(1.02, abs=0.001)


@pytest.mark.parametrize(("calls", "told"), [(9, []), (10, [0.5]), (20, [0.25, 0.5, 0.75]), (100, list(QUANTILES))])
def test_a_quantile_needs_five_calls_on_either_side(calls: int, told: list[float]) -> None:
    assert list(distribution(np.full(calls, 1000, np.int64), 1e-6).quantiles_s) == told


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=300), st.integers(1, 10**9))
def test_no_call_is_lost(calls: list[int], p50: int) -> None:
    found = distribution(np.array(calls, np.int64), p50 / 1e9)
    assert found.below + found.above + sum(share for *_, share in found.bins) == pytest.approx(1)
    values = list(found.quantiles_s.values())
    assert values == sorted(values) and all(min(calls) <= 1.000001e9 * one <= max(calls) * 1.000002 for one in values)
    assert all(low < high and share > 0 for low, high, share in found.bins)


def test_a_row_has_the_distribution_of_its_own_cell_or_none() -> None:
    rows = RECORDS.measurements[:3]
    kept = recording(rows[:2])
    kept.passes[key(rows[1], twin=True)] = kept.passes[key(rows[0])]
    other = rows[1].model_copy(update={"calls": 6003})
    first, second, missing, stranger = distributions(kept, [*rows, other])
    assert first and second and missing is None, "the third is not in the file"
    assert stranger is None, "the file holds other calls than the row was made of"
    assert second.quantiles_s[0.5] == pytest.approx(rows[1].latency_p50_s, rel=0.01), "its own, not its twin's"
