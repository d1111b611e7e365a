"""A workload that cannot exist is refused, in words that say what would do."""

from __future__ import annotations

from typing import Any

import pytest

from llmlab.cost import Workload
from llmlab.errors import UnknownNameError, WorkloadError


def test_the_default_is_the_worked_example_by_the_month() -> None:
    default = Workload()
    assert (default.requests, default.period, default.input_tokens, default.output_tokens) == (
        100_000, "month", 4_000, 500,
    )  # fmt: skip
    assert default.prefix_tokens == 4_000


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"requests": 0}, "requests is 0; it must be between 1 and 10^15"),
        ({"requests": 1.5}, "requests is 1.5; it must be a whole number"),
        ({"requests": True}, "requests is True; it must be a whole number"),
        ({"requests": 10**15 + 1}, "requests is 1,000,000,000,000,001; it must be between 1 and 10^15"),
        ({"input_tokens": -1}, "input_tokens is -1; it must be between 0 and 10^15"),
        ({"output_tokens": "500"}, "output_tokens is '500'; it must be a whole number"),
        ({"reasoning_tokens": None}, "reasoning_tokens is None; it must be a whole number"),
        (
            {"cacheable_tokens": 4_001},
            "cacheable_tokens is 4,001, more than the prompt it is a prefix of (input_tokens 4,000)",
        ),
        ({"cacheable_tokens": -1}, "cacheable_tokens is -1; it must be between 0 and 10^15"),
        ({"cache_hit_rate": 80}, "cache_hit_rate is 80; it must be between 0 and 1 (80 % is 0.8)"),
        ({"cache_hit_rate": 1.2}, "cache_hit_rate is 1.2; it must be between 0 and 1 (1.2 % is 0.012)"),
        ({"batch_share": -0.1}, "batch_share is -0.1; it must be between 0 and 1"),
        ({"off_peak_share": float("nan")}, "off_peak_share is nan; it must be a number"),
        ({"retry_rate": 11}, "retry_rate is 11; it must be between 0 and 10"),
        ({"cache_storage_hours": 9_000}, "cache_storage_hours is 9000; it must be between 0 and 8784"),
        ({"period": "year"}, "period is 'year'; allowed: run, day, month"),
        ({"cache_ttl": "5min"}, "cache_ttl is '5min'; allowed: 5m, 1h"),
        ({"mode": "fast"}, "mode is 'fast'; allowed: standard, batch, flex, priority"),
    ],
)
def test_what_cannot_be_is_refused_and_said(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(WorkloadError) as refused:
        Workload(**fields)
    assert str(refused.value) == said


def test_a_change_gives_a_new_workload_and_leaves_the_old() -> None:
    before = Workload()
    assert before.change(output_tokens=1) == Workload(output_tokens=1)
    assert before == Workload()


def test_a_change_is_checked_like_any_workload() -> None:
    with pytest.raises(WorkloadError, match="cacheable_tokens is 3,200, more than the prompt"):
        Workload(cacheable_tokens=3_200).change(input_tokens=1_000)
    with pytest.raises(UnknownNameError, match=r"unknown workload field 'tokens_in'"):
        Workload().change(tokens_in=1)
    with pytest.raises(UnknownNameError, match=r"did you mean cache_hit_rate"):
        Workload().change(cache_hitrate=0.5)


def test_the_prefix_is_the_whole_prompt_unless_said_and_none_where_said_to_be() -> None:
    assert Workload(input_tokens=10).prefix_tokens == 10
    assert Workload(input_tokens=10, cacheable_tokens=0).prefix_tokens == 0


def test_a_workload_is_written_as_the_call_that_makes_it() -> None:
    workload = Workload(requests=7, cache_hit_rate=0.1, region="eu")
    assert eval(repr(workload)) == workload
    assert len({workload, Workload(requests=7, cache_hit_rate=0.1, region="eu")}) == 1
