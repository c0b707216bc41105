from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewbot.rules.rates import EXCLUDED, METRICS, Figure, display, percent, value

shares = st.integers(1, 10**40).flatmap(lambda d: st.tuples(st.integers(0, d), st.just(d)))


@pytest.mark.parametrize(
    ("n", "d", "rounding", "printed"),
    [
        (2823, 3617, "truncate", "78.04"),
        (2823, 3617, "round", "78.05"),
        (1350, 2823, "round", "47.82"),
        (1350, 2823, "truncate", "47.82"),
        (80955, 81129, "round", "99.79"),
        (99_996, 100_000, "round", "99.99"),
        (1, 100_000, "round", "0.01"),
        (1, 100_000, "truncate", "0.01"),
        (1, 20_000, "round", "0.01"),
        (3, 20_000, "round", "0.02"),
        (3, 3, "truncate", "100.00"),
        (0, 3, "round", "0.00"),
    ],
)
def test_percent_prints_the_published_figures(n, d, rounding, printed):
    assert percent(n, d, rounding) == printed


@pytest.mark.parametrize("rounding", ["round", "truncate"])
def test_a_zero_denominator_has_no_percentage(rounding):
    empty = Figure("rectification_rate", 0, 0, {})
    assert percent(0, 0, rounding) is None
    assert display(empty, rounding) == "—（0/0）"
    assert value(empty, rounding) is None


def test_a_figure_shows_its_fraction_and_its_printed_value():
    figure = Figure("rectification_rate", 20, 21, {"rectified": 15, "explained": 5})
    assert display(figure) == "95.24%（20/21）"
    assert value(figure) == 95.24
    assert display(figure, "truncate") == "95.23%（20/21）"
    assert value(figure, "truncate") == 95.23


@pytest.mark.parametrize(("n", "d"), [(2, 1), (-1, 1), (0, -1), (1, 0)])
def test_what_is_not_a_share_is_refused(n, d):
    with pytest.raises(ValueError, match="not a share"):
        Figure("rectification_rate", n, d, {})
    with pytest.raises(ValueError, match="not a share"):
        percent(n, d)


def test_a_negative_part_is_refused():
    with pytest.raises(ValueError, match="negative"):
        Figure("rectification_rate", 1, 2, {"rectified": -1})


def test_every_metric_states_its_definition():
    assert set(METRICS) == {
        "rectification_rate",
        "on_time_rectification_rate",
        "on_time_rectification_rate_original_due",
        "extension_rate",
        "return_rate",
        "call_back_rate",
        "response_rate",
        "completion_rate",
        "satisfaction_rate",
        "confirmed_rectification_rate",
        "call_back_satisfaction_rate",
        "recall_confirmed_rate",
    }
    for key, metric in METRICS.items():
        assert metric.key == key
        assert metric.name
        assert metric.numerator
        assert metric.denominator
        assert metric.exclusions
        assert any(word in metric.source for word in ("公开通报", "推导"))  # published, or ours
    assert METRICS["completion_rate"].cohort == "dispatched"
    assert METRICS["response_rate"].cohort == "response_due"


@given(shares, st.sampled_from(["round", "truncate"]))
def test_all_and_nothing_are_printed_only_when_true(share, rounding):
    n, d = share
    printed = percent(n, d, rounding)
    assert (printed == "100.00") == (n == d)
    assert (printed == "0.00") == (n == 0)


@given(shares)
def test_the_printed_figure_is_near_the_true_one(share):
    n, d = share
    true = Fraction(100 * n, d)
    rounded, cut = Fraction(percent(n, d)), Fraction(percent(n, d, "truncate"))
    assert abs(rounded - true) < Fraction(1, 100)
    assert abs(cut - true) < Fraction(1, 100)
    if Fraction(1, 100) <= true < Fraction(9999, 100):
        assert abs(rounded - true) <= Fraction(1, 200)
        assert cut <= true
        assert cut <= rounded


@given(shares, st.integers(0, 10**40))
def test_a_larger_numerator_never_prints_less(share, more):
    n, d = share
    assert float(percent(min(d, n + more), d)) >= float(percent(n, d))


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.key)
def test_a_rate_says_that_it_leaves_out_upheld_appeals_exactly_where_it_counts_them_apart(metric):
    said = any("申诉成立" in exclusion for exclusion in metric.exclusions)
    assert said == (EXCLUDED in metric.apart)
