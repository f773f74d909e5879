import pytest

from mnist_deploy.benchmark.schedule import Plan
from mnist_deploy.pipeline.outlook import Outlook

FAST, SLOW = ("litert", "cpu", 1), ("keras-predict", "cpu", 1)


def test_a_first_pass_goes_on_as_fast_a_slice_as_it_began() -> None:
    outlook = Outlook(Plan(time_limit_s=None), 0.0)
    outlook.begin_pass({FAST: 10, SLOW: 30}, 0.0)
    assert outlook.left_s(4, 0.0) is None
    outlook.took(FAST, 2.0)
    # 30 slices more at 0.2 s, and four more passes of 8 s.
    assert outlook.left_s(4, 2.0) == pytest.approx(6 + 4 * 8)


def test_later_passes_take_what_the_processes_took_before() -> None:
    outlook = Outlook(Plan(time_limit_s=None), 0.0)
    outlook.begin_pass({FAST: 10, SLOW: 10}, 0.0)
    outlook.took(FAST, 2.0)
    outlook.took(SLOW, 20.0)
    outlook.end_pass(23.0)  # a second for what is computed and saved
    assert outlook.left_s(2, 23.0) == pytest.approx(2 * 23)
    outlook.begin_pass({SLOW: 10, FAST: 10}, 23.0)
    outlook.took(SLOW, 22.0)
    assert outlook.left_s(1, 45.0) == pytest.approx(2 + 23)


@pytest.mark.parametrize(("limit_s", "passes"), [(15.0, 0), (20.0, 1), (30.0, 2), (1000.0, 4)])
def test_passes_that_the_time_limit_forbids_are_not_waited_for(limit_s: float, passes: int) -> None:
    outlook = Outlook(Plan(time_limit_s=limit_s), 0.0)
    outlook.begin_pass({FAST: 10}, 0.0)
    outlook.took(FAST, 10.0)
    outlook.end_pass(10.0)
    assert outlook.left_s(4, 10.0) == pytest.approx(passes * 10)
