"""Drills of what LiteLLM remembers from one request to the next: cool-downs, budgets, and its Redis."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from ...simulator import Billed, FaultScript, Status
from ..lint.config import number
from .drill import Drill, Phase, Question, Seen, Verdict
from .judging import names, verdict
from .router_file import RouterFile
from .twin import always

MOST_FAILURES = 40
PLENTY = 10**12  # output tokens: more than any budget
OVER = 1.05  # of a budget is spent
ASKED_AGAIN = 2  # waves: LiteLLM adds its spending up a moment after the answer, and the last wave counts


def failures_allowed(file: RouterFile, group: str) -> int:
    """After how many failures a minute a deployment is to be left alone, by the file."""
    own = [number(d.info.get("allowed_fails")) for d in file.config.groups.get(group, ())]
    said = next((value for value in own if value is not None), number(file.config.setting("allowed_fails")[0]))
    return int(said if said is not None else file.config.known.defaults["allowed_fails"])


def cooldown(file: RouterFile, group: str) -> Drill:
    """An outage that lasts: after some failures the primary is left alone."""
    first = file.first(group)
    failures = max(failures_allowed(file, group) + 2, 6)

    def judge(seen: Seen) -> Verdict:
        calls = [
            [call for number in range(len(replies)) for call in seen.of(wave, number) if call.deployment in first]
            for wave, replies in enumerate(seen.replies)
        ]
        problems = [f"it never cools down: called by {len(calls[-1])} of the last 2 requests"] if calls[-1] else []
        if not calls[0]:
            problems.append("the primary was never called")
        counts = ", then ".join(str(len(wave)) for wave in calls)
        waits = ", ".join(reply.words for reply in seen.replies[-1])
        return verdict(problems, f"calls of {names(file, first)} by {failures} requests, 2 and 2: {counts}; {waits}")

    return Drill(
        name="cool-down is reached in an outage",
        group=group,
        expected=f"when {failures} requests and 2 more have failed there, the next 2 do not call {names(file, first)}",
        judge=judge,
        faults={index: always(Status(code=503)) for index in first},
        waves=((Question(),) * failures, (Question(),) * 2, (Question(),) * 2),
        pause_s=1.0,
    )


def deployment_budgets(file: RouterFile, group: str) -> Iterator[Drill]:
    """One answer costs more than a deployment's `max_budget`: it is not asked again."""
    for index in file.first(group):
        deployment = file.deployment(index)
        budget = number(deployment.params.get("max_budget"))
        if budget is None or len(file.first(group)) > 1:
            continue
        own = number(deployment.params.get("output_cost_per_token", deployment.info.get("output_cost_per_token")))
        rate = own or (deployment.facts.output if deployment.facts and deployment.facts.output else 0.0) / 1e6
        tokens = math.ceil(OVER * budget / rate) if rate else PLENTY
        yield _budget(file, group, f"max_budget of ${budget:g} stops it", (index,), tokens, "budgets")


def provider_budgets(file: RouterFile, groups: list[str]) -> Iterator[Drill]:
    """One answer costs more than a provider's budget: none of its deployments is asked again."""
    config = file.config.section("router_settings", "provider_budget_config")
    for provider, budget in config.items():
        limit = budget.get("budget_limit") if isinstance(budget, Mapping) else budget
        name = f"provider budget of ${limit} stops {provider}"
        group = asked_for(file, groups, provider)
        if group is not None:
            all_of_it = tuple(i for i in range(len(file.ids)) if file.provider(i) == provider)
            yield _budget(file, group, name, all_of_it, PLENTY, "provider_budgets")


def asked_for(file: RouterFile, groups: list[str], provider: str) -> str | None:
    """A group whose requests go to this provider, and to no other, as long as it answers."""
    return next((group for group in groups if {file.provider(i) for i in file.first(group)} == {provider}), None)


def _budget(file: RouterFile, group: str, name: str, stopped: tuple[int, ...], tokens: int, phase: Phase) -> Drill:
    def judge(seen: Seen) -> Verdict:
        if not any(call.deployment in stopped for call in seen.of(0)):
            told = f"it was not called before either: {seen.told(seen.of(0))}; {seen.replies[0][0].words}"
            return Verdict("not_checked", told)
        spent = seen.replies[0][0].cost_usd
        waves = range(1, len(seen.replies))
        called = [wave for wave in waves if any(call.deployment in stopped for call in seen.of(wave))]
        problems = []
        if called and called[-1] == waves[-1]:
            problems.append(f"it is not stopped: called by {len(called)} of the next {len(waves)} requests")
            if not spent:
                problems.append("LiteLLM counts the answer as $0: no price is known for this model")
        cost = f"an answer for ${spent:,.2f}" if spent else "an answer"
        last = seen.replies[-1][0]
        told = f"{cost} by {seen.told(seen.of(0))}, then {seen.told(seen.of(waves[-1]))}; {last.words}"
        return verdict(problems, told)

    return Drill(
        name=name,
        group=group,
        expected=f"after an answer that costs more, {names(file, stopped)} is not called again",
        judge=judge,
        faults={index: FaultScript(first=(Billed(output_tokens=tokens),)) for index in stopped},
        waves=((Question(),),) * (1 + ASKED_AGAIN),
        phase=phase,
        pause_s=1.0,
    )


def redis_dead(file: RouterFile, group: str) -> Drill:
    """Redis dies under a running proxy."""
    first = file.first(group)

    def judge(seen: Seen) -> Verdict:
        reply, calls = seen.replies[0][0], seen.of(0)
        answered = reply.answered and bool(calls) and calls[-1].deployment in first
        problems = [] if answered else ["no answer of the primary"]
        return verdict(problems, f"{seen.told(calls)}; {reply.words}", reply.seconds)

    return Drill(
        name="Redis is dead",
        group=group,
        expected=f"{names(file, first)} answers all the same",
        judge=judge,
        phase="no_redis",
        own_names=True,
    )
