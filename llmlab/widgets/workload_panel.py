"""The part of a screen that describes a workload: the sliders, and the `Workload` that they stand for."""

from __future__ import annotations

from typing import cast

from ..catalog.records import MODES, Mode
from ..cost.workload import CacheTtl, Period, Workload
from . import controls as c
from .panel import Panel

ANYWHERE = ""


class WorkloadPanel(Panel):
    """A panel with a workload on it: `workload` reads the sliders, `take_workload` sets them."""

    requests = c.number(
        100_000, min=1, max=1_000_000_000, scale="log", label="Requests", unit="per period",
        help="Answers wanted in the period.", group="Workload",
    )  # fmt: skip
    period = c.choice(
        "month", options=(("run", "one run"), ("day", "day"), ("month", "month of 730 h")), label="Period",
        help="What the dollars are per.", group="Workload",
    )  # fmt: skip
    input_tokens = c.number(
        4_000, min=0, max=2_000_000, scale="log", label="Input", unit="tokens",
        help="One whole prompt: system, context, question.", group="Workload",
    )  # fmt: skip
    output_tokens = c.number(
        500, min=0, max=128_000, scale="log", label="Output", unit="tokens",
        help="The answer that is seen, per request.", group="Workload",
    )  # fmt: skip
    reasoning_tokens = c.number(
        0, min=0, max=128_000, scale="log", label="Reasoning", unit="tokens",
        help="Hidden tokens, billed on top of the output.", group="Workload",
    )  # fmt: skip
    same_text = c.toggle(
        False, label="Same text", group="Workload",
        help="Read tokens as o200k tokens of a text; scale by each model's tokenizer.",
    )  # fmt: skip

    cache_hit_rate = c.share(
        0.0, label="Cache hit rate", help="Requests that find the prefix cached; 0 is no caching.", group="Caching"
    )
    whole_prompt = c.toggle(
        True, label="Whole prompt cacheable", help="Off: only the prefix below is stable.", group="Caching"
    )
    cacheable_tokens = c.number(
        3_200, min=0, max=2_000_000, scale="log", label="Cacheable prefix", unit="tokens",
        help="The stable start of the prompt.", group="Caching",
    )  # fmt: skip
    cache_ttl = c.choice(
        "5m", options=(("5m", "5 minutes"), ("1h", "1 hour")), label="Cache lifetime",
        help="Which write price a miss pays.", group="Caching",
    )  # fmt: skip
    cache_storage_hours = c.number(
        0.0, min=0.0, max=8_784.0, step=1.0, label="Stored cache", unit="hours",
        help="Per period, where an explicit cache charges storage.", group="Caching",
    )  # fmt: skip

    batch = c.toggle(False, label="Batch", help="Send what can wait as a batch.", group="Sending")
    batch_share = c.share(1.0, label="Share that can wait", help="Of the traffic, when Batch is on.", group="Sending")
    mode = c.choice(
        "standard", options=tuple(m for m in MODES if m != "batch"), label="Mode", help="How the rest is sent.",
        group="Sending",
    )  # fmt: skip
    off_peak_share = c.share(0.0, label="Off-peak share", help="Sent in a provider's cheaper hours.", group="Sending")
    retry_rate = c.number(
        0.0, min=0.0, max=10.0, step=0.01, label="Retries", unit="per request",
        help="Extra attempts that are billed: 0.02 is one in fifty.", group="Sending",
    )  # fmt: skip

    region = c.choice(
        ANYWHERE, options=((ANYWHERE, "anywhere"),), label="Processed in", group="Sending",
        help="Leaves out what is not known to be; adds its uplift.",
    )  # fmt: skip

    @property
    def workload(self) -> Workload:
        """The workload on screen. A cacheable prefix longer than the prompt is cut to the prompt."""
        return Workload(
            requests=self.requests,
            period=cast(Period, self.period),
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            reasoning_tokens=self.reasoning_tokens,
            cacheable_tokens=None if self.whole_prompt else min(self.cacheable_tokens, self.input_tokens),
            cache_hit_rate=self.cache_hit_rate,
            cache_ttl=cast(CacheTtl, self.cache_ttl),
            cache_storage_hours=self.cache_storage_hours,
            batch_share=self.batch_share if self.batch else 0.0,
            mode=cast(Mode, self.mode),
            off_peak_share=self.off_peak_share,
            retry_rate=self.retry_rate,
            region=self.region or None,
            same_text=self.same_text,
        )

    def take_workload(self, workload: Workload) -> None:
        """Set every slider from `workload`; what it does not say (a prefix, a batch share) stays where it is."""
        with self.hold_changes():
            self.requests, self.period = workload.requests, workload.period
            self.input_tokens, self.output_tokens = workload.input_tokens, workload.output_tokens
            self.reasoning_tokens, self.same_text = workload.reasoning_tokens, workload.same_text
            self.cache_hit_rate, self.cache_ttl = workload.cache_hit_rate, workload.cache_ttl
            self.cache_storage_hours = workload.cache_storage_hours
            self.whole_prompt = workload.cacheable_tokens is None
            if workload.cacheable_tokens is not None:
                self.cacheable_tokens = workload.cacheable_tokens
            self.batch = workload.batch_share > 0
            if self.batch:
                self.batch_share = workload.batch_share
            self.mode, self.off_peak_share = workload.mode, workload.off_peak_share
            self.retry_rate, self.region = workload.retry_rate, workload.region or ANYWHERE
