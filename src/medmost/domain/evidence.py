"""How sure we may be of an error rate, whenever one looks: arithmetic of counts (fact sheet *reliability* §5.1).

`wrong` of `of` independent comparisons went wrong. Evidence stays valid under continuous looking (Ville's inequality);
bounds are exact (Clopper and Pearson), never Wilson's, which is optimistic where errors are few.
"""

from __future__ import annotations

import math

GOOD, BAD = 1e-4, 1e-3
"""Error rates that the evidence tells apart: one a kind may go live with, and one it may not."""


def log_evidence(of: float, wrong: int, good: float = GOOD, bad: float = BAD) -> float:
    """Natural logarithm of the e-value for `good` against `bad` (Wald's ratio, turned round).

    Whatever the true rate is at or above `bad`, the e-value ever reaches 1/alpha with probability alpha at most.
    """
    clean_each = math.log1p(-good) - math.log1p(-bad)
    return (of - wrong) * clean_each - wrong * math.log(bad / good)


def clean_needed(evidence: float, wrong: int = 0, good: float = GOOD, bad: float = BAD) -> int:
    """The fewest clean comparisons, beside `wrong` ones, with which the e-value is `evidence`."""
    clean_each = math.log1p(-good) - math.log1p(-bad)
    needed = math.ceil((math.log(evidence) + wrong * math.log(bad / good)) / clean_each)
    return max(needed, 0)


def error_bound(of: int, wrong: int, alpha: float) -> float:
    """The largest error rate that is not refuted at `alpha`, one-sided and exact (Clopper–Pearson 1934)."""
    if wrong >= of:
        return 1.0
    if wrong == 0:
        return -math.expm1(math.log(alpha) / of)
    low, high, target = wrong / of, 1.0, math.log(alpha)
    while low < (middle := (low + high) / 2) < high:  # until no number lies between
        if _log_at_most(of, wrong, middle) > target:
            low = middle
        else:
            high = middle
    return high


def of_needed(rate: float, alpha: float, wrong: int = 0) -> int:
    """The fewest comparisons, `wrong` of them wrong, whose error bound at `alpha` is `rate` or less."""
    low, high = wrong, wrong + 1
    while error_bound(high, wrong, alpha) > rate:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if error_bound(middle, wrong, alpha) > rate:
            low = middle
        else:
            high = middle
    return high


def no_worse(ours: int, theirs: int) -> float:
    """One-sided exact p of McNemar: of the cases that only one got wrong, so few are ours by chance alone."""
    return math.exp(_log_at_most(ours + theirs, ours, 0.5))


def effective(of: int, patients: int, correlation: float) -> float:
    """Independent comparisons that `of` ones are worth, as those of one patient resemble each other (n_eff)."""
    if not of or not patients:
        return 0.0
    return of / (1 + (of / patients - 1) * correlation)


def _log_at_most(of: int, most: int, rate: float) -> float:
    """Log of the binomial probability of `most` or fewer, summed upwards from none and kept in scale."""
    log_scale, total, term, odds = of * math.log1p(-rate), 1.0, 1.0, rate / (1 - rate)
    for one in range(most):
        term *= (of - one) / (one + 1) * odds
        total += term
        if total > 1e250:
            log_scale += math.log(total)
            term, total = term / total, 1.0
    return log_scale + math.log(total)
