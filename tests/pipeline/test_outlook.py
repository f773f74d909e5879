import pytest

from mnist_deploy.benchmark.schedule import Plan
from mnist_deploy.pipeline.outlook import Outlook


def test_a_first_pass_goes_on_as_fast_as_it_began() -> None:
    outlook = Outlook(Plan(time_limit_s=None), 0.0)
    outlook.begin_pass(0.0)
    assert outlook.left_s(0.0, 4, 0.5) is None
    # A quarter in 2 s: three quarters more, and four more passes of 8 s.
    assert outlook.left_s(0.25, 4, 2.0) == pytest.approx(6 + 4 * 8)


def test_later_passes_take_what_the_one_before_took() -> None:
    outlook = Outlook(Plan(time_limit_s=None), 0.0)
    outlook.begin_pass(0.0)
    outlook.end_pass(23.0)  # with what is computed and saved
    outlook.begin_pass(23.0)
    assert outlook.left_s(0.0, 1, 23.0) == pytest.approx(2 * 23)
    assert outlook.left_s(0.5, 1, 40.0) == pytest.approx(1.5 * 23)


def test_it_takes_no_longer_than_the_time_limit() -> None:
    outlook = Outlook(Plan(time_limit_s=30.0), 0.0)
    outlook.begin_pass(0.0)
    assert outlook.left_s(0.1, 4, 10.0) == pytest.approx(20)
    assert outlook.left_s(0.5, 0, 10.0) == pytest.approx(10)
    assert outlook.left_s(0.5, 4, 40.0) == 0
