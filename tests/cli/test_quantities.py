from hypothesis import given
from hypothesis import strategies as st
from pytest import approx, mark, raises

from mnist_deploy.cli import effort
from mnist_deploy.cli.quantities import duration_s, rate, share, size_bytes
from mnist_deploy.errors import UsageError
from mnist_deploy.reports import units

KNOWN = {
    duration_s: {
        "50us": 50e-6, "50 us": 50e-6, "50\u00b5s": 50e-6, "50\u03bcs": 50e-6, "50US": 50e-6, " 2ms ": 2e-3,
        ".5ms": 0.5e-3, "1,500us": 1.5e-3, "1e-3s": 1e-3, "1.5s": 1.5, "800ns": 800e-9, "2m": 120, "2min": 120,
        "1h": 3600,
    },
    size_bytes: {
        "100KB": 100_000, "100kB": 100_000, "100kb": 100_000, "100K": 100_000, "100 KB": 100_000, "100KiB": 102_400,
        "1Ki": 1024, "1.5MB": 1_500_000, "50MiB": 50 * 2**20, "4.35MB": 4_350_000, "2GB": 2 * 10**9, "2GiB": 2**31,
        "512B": 512, "100,000 B": 100_000, "1e6b": 10**6,
    },
    rate: {
        "20000": 20_000, "20,000": 20_000, "20k": 20_000, "20K": 20_000, "1.5M": 1.5e6, "1.5 M/s": 1.5e6,
        "20k images/s": 20_000, "1G": 1e9,
    },
    share: {"0.985": 0.985, "98.5%": 0.985, "98.5 %": 0.985, "1": 1, "100%": 1, "0": 0, ".9": 0.9},
}  # fmt: skip
NONSENSE = {
    duration_s: ["50", "fast", "-5us", "0us", "0", "nan", "inf", "infs", "", "us", "5 5us", "5us us", "1,5ms", "1e999s",
                 "5 years", "\u0665us"],
    size_bytes: ["100", "100,000", "1e6", "-1B", "big", "0", "0.1", "10XB", "inf", "nanB", "100 KBB", "", "MB",
                 "1,00KB", "1e-4KB"],
    rate: ["-2", "0", "k", "nan", "inf", "20q", "", "20k/h", "1.2.3"],
    share: ["98.5", "2", "1.0001", "101%", "-0.1", "nan", "inf", "most", "", "%", "0.5%%"],
}  # fmt: skip
EXAMPLES = {duration_s: "as 50us", size_bytes: "as 100KB", rate: "20k", share: "as 0.985 or 98.5%"}


@mark.parametrize("parse", KNOWN)
def test_known_quantities_are_exact(parse: object) -> None:
    for text, value in KNOWN[parse].items():
        assert parse("--limit", text) == value, text


@mark.parametrize("parse", NONSENSE)
def test_nonsense_names_the_option_and_shows_how(parse: object) -> None:
    for text in NONSENSE[parse]:
        with raises(UsageError) as caught:
            parse("--limit", text)
        told = str(caught.value)
        assert told.startswith(f"--limit {text or repr(text)}: ") and EXAMPLES[parse] in told, text


def test_an_accuracy_above_one_asks_for_the_percent_sign() -> None:
    with raises(UsageError, match=r"--min-accuracy 98.5: above 1; give a share or a percent sign, as 0.985 or 98.5%"):
        share("--min-accuracy", "98.5")


def test_a_time_limit_is_as_before() -> None:
    for text, value in {"90": 90, "90s": 90, "1.5m": 90, "2h": 7200, ".5": 0.5, "0.1s": 0.1, "5.": 5}.items():
        assert effort.duration_s("--time-limit", text) == value
    assert effort.duration_s("--time-limit", " None ") is None
    for text in ("soon", "0", "-5s", "", "s", "1e"):
        told = f"--time-limit {text or repr(text)}: not a time; give seconds or a unit, as 90, 90s, 5m, or n"
        with raises(UsageError, match=told):
            effort.duration_s("--time-limit", text)


# What the reports print is read back as what it says: to three digits.
@given(st.floats(1e-9, 1e4))
def test_printed_times_are_read_back(value: float) -> None:
    assert duration_s("--max-latency", units.seconds(value)) == approx(value, rel=6e-3)


@given(st.integers(1, 10**13))
def test_printed_sizes_are_read_back(value: int) -> None:
    assert size_bytes("--max-size", units.number_bytes(value)) == approx(value, rel=6e-3)


@given(st.floats(1, 1e13))
def test_printed_rates_are_read_back(value: float) -> None:
    assert rate("--min-throughput", units.rate(value)) == approx(value, rel=6e-3)


@given(st.floats(0, 1))
def test_printed_shares_are_read_back(value: float) -> None:
    assert share("--min-accuracy", units.percent(value)) == approx(value, abs=6e-3)


@given(st.floats(1e-9, 1e4, allow_subnormal=False))
def test_a_time_written_in_full_is_read_to_the_last_bit(value: float) -> None:
    assert duration_s("--max-latency", f"{value!r}s") == value


@given(st.text(max_size=12))
def test_any_text_is_a_quantity_or_one_line(text: str) -> None:
    for parse in (duration_s, size_bytes, rate, share):
        try:
            assert 0 <= parse("--limit", text) < float("inf")
        except UsageError as error:
            assert str(error).startswith("--limit ")
