"""The gate's arithmetic equals scipy's, opens at the counts written down beforehand and survives daily looks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from medmost.domain import evidence

ALPHAS = st.sampled_from([0.05, 0.01, 0.05 / 20, 1e-4])


@given(st.integers(1, 1_000_000), st.integers(0, 60), ALPHAS)
def test_error_bounds_equal_those_of_scipy(of: int, wrong: int, alpha: float) -> None:
    wrong = min(of, wrong)
    exact = 1.0 if wrong == of else stats.beta.ppf(1 - alpha, wrong + 1, of - wrong)
    assert evidence.error_bound(of, wrong, alpha) == pytest.approx(exact, rel=1e-9)


@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_equals_the_one_of_scipy(ours: int, theirs: int) -> None:
    assert evidence.no_worse(ours, theirs) == pytest.approx(stats.binom.cdf(ours, ours + theirs, 0.5), rel=1e-9)


@given(st.integers(0, 100_000), st.integers(0, 50))
def test_evidence_equals_the_likelihood_ratio_of_scipy(of: int, wrong: int) -> None:
    wrong = min(of, wrong)
    exact = stats.binom.logpmf(wrong, of, evidence.GOOD) - stats.binom.logpmf(wrong, of, evidence.BAD)
    assert evidence.log_evidence(of, wrong) == pytest.approx(exact, rel=1e-9, abs=1e-9)


def test_many_wrong_ones_stay_in_scale() -> None:
    exact = stats.beta.ppf(0.95, 2_001, 2_000)
    assert evidence.error_bound(4_000, 2_000, 0.05) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize(
    ("rate", "alpha", "wrong", "of"),
    [(1e-3, 0.05, 0, 2995), (1e-3, 0.05, 1, 4742), (0.01, 0.05, 0, 299), (1e-4, 0.01, 0, 46_050)],
)
def test_sizes_are_those_of_the_fact_sheet(rate: float, alpha: float, wrong: int, of: int) -> None:
    """The exact column of its table of minimum sizes."""
    assert evidence.of_needed(rate, alpha, wrong) == of
    assert evidence.error_bound(of, wrong, alpha) <= rate < evidence.error_bound(of - 1, wrong, alpha)


def test_evidence_of_a_hundred_needs_5115_clean_cases() -> None:
    assert evidence.clean_needed(100) == 5115
    assert math.exp(evidence.log_evidence(5115, 0)) >= 100 > math.exp(evidence.log_evidence(5114, 0))
    assert 2550 < evidence.clean_needed(100, 1) - 5115 < 2565  # the fact sheet's "extra per mismatch"


def test_much_evidence_needs_nothing_more() -> None:
    assert evidence.clean_needed(1.0) == 0


def test_daily_looks_open_falsely_at_most_as_often_as_said() -> None:
    """20 000 programmes of 90 days, 500 comparisons a day, by a medmost that errs exactly at the forbidden rate."""
    draw = np.random.default_rng(20261123)
    wrong = draw.binomial(500, evidence.BAD, size=(20_000, 90)).cumsum(axis=1)
    needed = np.array([evidence.clean_needed(100, number) for number in range(int(wrong.max()) + 1)])
    clean = 500 * np.arange(1, 91) - wrong
    opened = (clean >= needed[wrong]).any(axis=1).mean()
    assert 0 < opened <= 0.01


def test_cases_of_one_patient_are_worth_less() -> None:
    assert evidence.effective(1000, 1000, 0.2) == 1000
    assert evidence.effective(1000, 100, 0.05) == pytest.approx(1000 / 1.45)  # the fact sheet's m = 10
    assert evidence.effective(0, 0, 0.05) == evidence.effective(5, 0, 0.05) == 0
