"""The mock twin: the user's config with simulated endpoints in the place of the providers.

What LiteLLM remembers of a deployment (failures, cool-down, budget) would let one drill disturb the next. So every
drill has a copy of its own of the groups that it can reach, under names of their own, all in one config: rules,
orders, timeouts and all else are the file's. The proxy boots once, and drills run at the same time.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...simulator import AnswerShape, Fault, FaultScript, LatencyProfile, SimulatedEndpoint
from ..lint.config import number, target_of
from .copies import twin_base, without_secrets
from .providers import redirected, why_not
from .route import reachable
from .router_file import RouterFile
from .waits import worst_wait_s

QUICK = LatencyProfile(ttft_s=0.01, itl_s=0.001)
SHORT = AnswerShape(output_tokens=6)
RULES = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
TIMES = ("timeout", "stream_timeout", "request_timeout")
LONGEST_HANG_S = 10.0  # what a caller may wait in a drill, if that can be had by scaling
LEAST_TIMEOUT_S = 1.0  # below this, the proxy's own time would count
LEAST_WINDOW = 200  # tokens, of the smallest window in a drill of long prompts


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A copy of all groups that a drill can reach from `group`. `faults` happen to every request of a deployment;
    `number` 0 is the file itself, under its own names."""

    number: int
    group: str
    faults: Mapping[int, FaultScript]
    scaled_windows: bool = False

    def alias(self, group: str) -> str:
        return group if self.number == 0 else f"{group}.drill-{self.number}"

    def endpoint(self, index: int) -> str:
        """The name of the simulated endpoint that stands for a deployment."""
        return f"{self.number}-{index}"


def always(fault: Fault) -> FaultScript:
    """A fault that does not pass."""
    return FaultScript(then=fault)


@dataclass(frozen=True)
class Twin:
    """The twin of `file` with `stages`; timeouts are multiplied by `time_scale`, windows by `window_scale` where a
    stage says so."""

    file: RouterFile
    stages: Sequence[Stage]
    time_scale: float
    window_scale: float

    def groups(self, stage: Stage) -> tuple[str, ...]:
        """The groups that a stage has a copy of."""
        names = self.file.members if stage.number == 0 else reachable(self.file, stage.group)
        return tuple(name for name in names if any(why_not(self.file.deployment(i)) is None for i in self._of(name)))

    def endpoints(self) -> tuple[SimulatedEndpoint, ...]:
        """What the simulator has to play."""
        return tuple(
            SimulatedEndpoint(
                name=stage.endpoint(index),
                profile=QUICK,
                answer=SHORT,
                faults=stage.faults.get(index, FaultScript()),
                context_tokens=self.window(index) if stage.scaled_windows else None,
            )
            for stage in self.stages
            for group in self.groups(stage)
            for index in self._played(group)
        )

    def config(self, simulator_url: str, google: str, redis_port: int) -> dict[str, Any]:
        """What the proxy is started with."""
        data = twin_base(self.file, redis_port)
        data["model_list"] = [
            self._entry(stage, group, index, simulator_url, google)
            for stage in self.stages
            for group in self.groups(stage)
            for index in self._played(group)
        ]
        for section in ("router_settings", "litellm_settings"):
            if isinstance(data.get(section), dict):
                self._for_every_stage(data[section])
                self._scale(data[section])
        return without_secrets(data)

    def window(self, index: int) -> int | None:
        """The window of a deployment in a stage of scaled windows, in tokens."""
        window = self.file.deployment(index).window
        return None if window is None else max(1, round(window * self.window_scale))

    def _of(self, group: str) -> tuple[int, ...]:
        return self.file.members.get(group, ())

    def _played(self, group: str) -> Iterable[int]:
        return (index for index in self._of(group) if why_not(self.file.deployment(index)) is None)

    def _entry(self, stage: Stage, group: str, index: int, url: str, google: str) -> dict[str, Any]:
        deployment = self.file.deployment(index)
        info = {**copy.deepcopy(dict(deployment.info)), "id": stage.endpoint(index)}
        if stage.scaled_windows and (window := self.window(index)) is not None:
            info["max_input_tokens"] = window
        parameters = redirected(deployment, google, f"{url}/at/{stage.endpoint(index)}")
        self._scale(parameters)
        rest = {name: value for name, value in deployment.entry.items() if name not in ("litellm_params", "model_info")}
        return {**rest, "model_name": stage.alias(group), "litellm_params": parameters, "model_info": info}

    def _for_every_stage(self, settings: dict[str, Any]) -> None:
        """Rules that name groups, once more for each stage, in its names."""
        default = settings.get("default_fallbacks")
        for rule in RULES:
            listed = settings.get(rule)
            if not isinstance(listed, list) and not (default and rule == "fallbacks"):
                continue
            rules = list(listed or ())
            for_all = [{"*": default}] if default and rule == "fallbacks" else []
            settings[rule] = [
                entry
                for stage in self.stages
                for item in [*rules, *(for_all if stage.number else ())]
                for entry in self._renamed(stage, item)
            ]
        policies = settings.get("model_group_retry_policy")
        if isinstance(policies, dict):
            settings["model_group_retry_policy"] = {
                stage.alias(group): policy for stage in self.stages for group, policy in policies.items()
            }

    def _renamed(self, stage: Stage, rule: Any) -> Iterable[Any]:
        """One rule in a stage's names: as it is written, right or wrong."""
        if stage.number == 0:
            return [rule]
        if not isinstance(rule, dict):
            return []
        names = self.groups(stage)
        named = {stage.alias(group): _aliased(stage, targets) for group, targets in rule.items() if group in names}
        for_all = [
            {stage.alias(name): _aliased(stage, rule["*"])} for name in names if name not in rule and "*" in rule
        ]
        return [*([named] if named else []), *for_all]

    def _scale(self, settings: dict[str, Any]) -> None:
        for name in TIMES:
            if (seconds := number(settings.get(name))) is not None and self.time_scale != 1:
                settings[name] = round(seconds * self.time_scale, 3)


def _aliased(stage: Stage, targets: Any) -> Any:
    if isinstance(targets, list):
        return [_aliased(stage, target) for target in targets]
    if isinstance(targets, dict):
        return {**targets, "model": stage.alias(target_of(targets))}
    return stage.alias(targets) if isinstance(targets, str) else targets


def time_scale(file: RouterFile, groups: Iterable[str]) -> float:
    """What to multiply timeouts by, so that the longest wait of `groups` is short; 1 where it is short already."""
    longest = max((worst_wait_s(file, group) for group in groups), default=0.0)
    said = [number(d.params.get(name)) for d in file.config.deployments for name in TIMES]
    said += [
        number(file.config.at(section, name)) for section in ("router_settings", "litellm_settings") for name in TIMES
    ]
    shortest = min((seconds for seconds in said if seconds), default=LEAST_TIMEOUT_S)
    if longest <= LONGEST_HANG_S:
        return 1.0
    return min(1.0, max(LONGEST_HANG_S / longest, LEAST_TIMEOUT_S / shortest))


def window_scale(file: RouterFile) -> float:
    """What to multiply windows by, so that a prompt that is too long for one is quickly sent."""
    windows = [d.window for d in file.config.deployments if d.window]
    return min(1.0, LEAST_WINDOW / min(windows, default=LEAST_WINDOW))
