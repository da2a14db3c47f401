"""Recovery rules as an approver reads them."""

from typing import Any

import pytest

from policies import recovery_words

RETRY = {"action": "retry", "on": ["smtp_421"], "max_attempts": 3, "backoff_ticks": [60, 300, 1800]}


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (
            RETRY | {"on": ["rate_limited", "smtp_421"], "channels": ["email"]},
            "When a mail fails with rate_limited or smtp_421: retry up to 3 times, after 1 min, 5 min, 30 min; "
            "each time the full gate again.",
        ),
        (
            RETRY | {"on": ["call_refused"], "channels": ["voice"], "max_attempts": 1, "backoff_ticks": [90, 5]},
            "When a call fails with call_refused: retry once, after 1 min 30 s; then the full gate again.",
        ),
        (
            RETRY | {"max_attempts": 4, "backoff_ticks": [60, 86_400]},
            "When a mail or a call fails with smtp_421: retry up to 4 times, after 1 min and then 1 day each time; "
            "each time the full gate again.",
        ),
        (
            RETRY | {"backoff_ticks": [7200]},
            "When a mail or a call fails with smtp_421: retry up to 3 times, after 2 h each time; "
            "each time the full gate again.",
        ),
        (
            {
                "action": "redispatch",
                "on": ["outcome_lost"],
                "channels": ["email"],
                "max_attempts": 2,
                "backoff_ticks": [30, 172_800],
            },
            "When a mail fails with outcome_lost: send the very same message again under the same key up to 2 times, "
            "after 30 s, 2 days; each time the full gate again.",
        ),
        (
            {"action": "resolve_on_evidence", "on": ["a", "b", "c"]},
            "When a mail or a call fails with a, b or c: stay failed until something shows what became of it, "
            "and then go on along that outcome.",
        ),
    ],
)
def test_a_rule_is_one_sentence(rule: dict[str, Any], sentence: str) -> None:
    assert recovery_words.sentences({"recovery": [rule]}) == [sentence]


def test_a_policy_without_rules_leaves_failures_to_people() -> None:
    assert recovery_words.sentences({}) == []
