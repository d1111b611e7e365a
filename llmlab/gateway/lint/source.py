"""Which keys the installed LiteLLM understands, read out of its source without running it.

LiteLLM has no schema for its config: keys are parameters of `Router.__init__`, fields of pydantic classes, variables
of its own module, or simply strings that some function looks up. All of these are in its source, so a new version
brings its own keys. Importing it instead would take seconds and try the network.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import LlmlabError

Keys = dict[str, str]  # by name: the kinds of value it takes, `int|null`; "" is anything

# Whose string look-ups (`x.get("key")`, `x["key"]`, `"key" in x`) say that a key of a section is used.
_LOOKED_UP = {
    "general_settings": ("general_settings", "_general_settings"),
    "litellm_settings": ("litellm_settings", "_litellm_settings"),
    "litellm_params": ("litellm_params", "_litellm_params", "optional_params"),
    "model_info": ("model_info", "_model_info"),
}
_SECTION_OF = {name: section for section, names in _LOOKED_UP.items() for name in names}
_NAMES = "|".join(sorted(_SECTION_OF, key=len, reverse=True))
# `x.get("key"`, `(x or {}).get("key"`, `d["x"].pop("key"`, `x["key"]`; and `"key" in x`.
_LOOK_UP = re.compile(
    rf"""\b(?P<of>{_NAMES})"?[\])]?(?:\s+or\s+\{{\}})?\)*(?:\.(?:get|pop|setdefault)\(\s*|\[)"(?P<key>[a-zA-Z]\w*)\""""
    rf"""|"(?P<member>[a-zA-Z]\w*)"\s+(?:not\s+)?in\s+(?:\w+\.)?(?P<within>{_NAMES})\b"""
)
_KINDS = {
    "int": "int",
    "float": "float",
    "bool": "bool",
    "str": "str",
    "None": "null",
    "dict": "dict",
    "Dict": "dict",
    "Mapping": "dict",
    "list": "list",
    "List": "list",
    "Sequence": "list",
    "tuple": "list",
    "set": "list",
    "frozenset": "list",
}
_CALLS = ("completion", "acompletion", "text_completion", "embedding", "responses", "image_generation", "transcription")


class Source:
    """The modules of a package, parsed when they are first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._trees: dict[str, ast.Module] = {}

    def tree(self, path: str) -> ast.Module:
        """The module at `path` below the package. Raises `LlmlabError` if it is not there or cannot be read."""
        if path not in self._trees:
            try:
                self._trees[path] = ast.parse((self.folder / path).read_bytes())
            except (OSError, SyntaxError) as e:
                raise LlmlabError(f"the installed litellm has no {path} that can be read ({e}); is it whole?") from e
        return self._trees[path]

    def classes(self, *paths: str) -> dict[str, ast.ClassDef]:
        """Every class at the top of these modules, by name."""
        return {n.name: n for path in paths for n in self.tree(path).body if isinstance(n, ast.ClassDef)}

    def value(self, path: str, name: str) -> ast.expr:
        """What `name` is set to at the top of a module."""
        for node in self.tree(path).body:
            match node:
                case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                    return value
                case ast.AnnAssign(target=ast.Name(id=found), value=ast.expr() as value) if found == name:
                    return value
        raise _moved(path, name)

    def function(self, path: str, name: str, within: str | None = None) -> ast.FunctionDef | ast.AsyncFunctionDef:
        """The function `name` of a module, or of the class `within` of it."""
        body = self.classes(path)[within].body if within in self.classes(path) else self.tree(path).body
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
                return node
        raise _moved(path, name)


def read_keys(folder: Path) -> dict[str, Any]:
    """The keys of every section of a config, by section, and the names that some values must be one of.

    `folder` is LiteLLM's. Raises `LlmlabError` naming what this version no longer has where it is looked for.
    """
    source = Source(folder)
    classes = source.classes("types/router.py", "types/utils.py", "types/litellm_params.py", "proxy/_types.py")
    used = _looked_up(folder)
    return {
        "sections": {
            "top": _top(source, classes),
            "general_settings": used["general_settings"] | fields_of("ConfigGeneralSettings", classes),
            "litellm_settings": used["litellm_settings"] | _module_settings(source),
            "router_settings": _router_settings(source),
            "deployment": fields_of("Deployment", classes) | {"rpm": "int|null", "tpm": "int|null"},
            "litellm_params": used["litellm_params"] | _call_params(source, classes),
            "model_info": used["model_info"] | _row_keys(source) | fields_of("ModelInfo", classes),
            "retry_policy": fields_of("RetryPolicy", classes),
            "allowed_fails_policy": fields_of("AllowedFailsPolicy", classes),
            "routing_group": fields_of("RoutingGroup", classes),
            "coordination_redis": fields_of("CoordinationRedisParams", classes),
            "cache_params": _parameters(source.function("caching/caching.py", "__init__", "Cache")),
            "provider_budget": dict.fromkeys(_budget_keys(source), ""),
        },
        "defaults": {
            "allowed_fails": _number(source.value("__init__.py", "allowed_fails")),
            # The Router takes OpenAI's own default, of which this is LiteLLM's copy.
            "num_retries": _number(source.value("constants.py", "DEFAULT_MAX_RETRIES")),
            "max_fallbacks": _number(source.value("constants.py", "ROUTER_MAX_FALLBACKS")),
            "timeout_s": _number(source.value("constants.py", "DEFAULT_REQUEST_TIMEOUT_SECONDS")),
            "first_delay_s": _number(source.value("constants.py", "INITIAL_RETRY_DELAY")),
            "most_delay_s": _number(source.value("constants.py", "MAX_RETRY_DELAY")),
            "jitter_s": _number(source.value("constants.py", "JITTER")),
        },
        "names": {
            "pydantic": sorted(fields_of("LiteLLM_Params", classes)),
            "providers": sorted(_providers(source, classes)),
            "routing_strategy": _strings(source.value("types/litellm_params.py", "RoutingStrategyName")),
            "optional_pre_call_checks": _strings(source.value("types/router.py", "OptionalPreCallChecks")),
        },
    }


def fields_of(name: str, classes: Mapping[str, ast.ClassDef]) -> Keys:
    """The annotated fields of a class and of the classes that it extends, each with the kinds it takes."""
    if name not in classes:
        raise _moved("types", name)
    found: Keys = {}
    for base in classes[name].bases:
        if isinstance(base, ast.Name) and base.id in classes:
            found |= fields_of(base.id, classes)
    for node in classes[name].body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and "ClassVar" not in ast.dump(node):
            found[node.target.id] = kinds_of(node.annotation)
    return found


def kinds_of(annotation: ast.expr | None) -> str:
    """The YAML kinds that an annotation admits, `int|null`; "" where it is anything that a kind does not say."""
    kinds = list(_kinds(annotation))
    return "" if not kinds or "" in kinds else "|".join(sorted(set(kinds)))


def _kinds(node: ast.expr | None) -> Iterator[str]:
    match node:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            yield from _kinds(left)
            yield from _kinds(right)
        case ast.Constant(value=None):
            yield "null"
        case ast.Name(id=name):
            yield _KINDS.get(name, "")
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            yield "null"
            yield from _kinds(inner)
        case ast.Subscript(value=ast.Name(id="Union"), slice=ast.Tuple(elts=parts)):
            for part in parts:
                yield from _kinds(part)
        case ast.Subscript(value=ast.Name(id="ReadOnly" | "Required" | "Final"), slice=inner):
            yield from _kinds(inner)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            yield from (type(part.value).__name__ if isinstance(part, ast.Constant) else "" for part in parts)
        case ast.Subscript(value=outer):
            yield from _kinds(outer)
        case _:
            yield ""


def _top(source: Source, classes: Mapping[str, ast.ClassDef]) -> Keys:
    proxy_config = source.classes("proxy/proxy_server.py")["ProxyConfig"]
    read = (key for name, key in _lookups(proxy_config) if name == "config")
    return dict.fromkeys([*read, "include"], "") | fields_of("ConfigYAML", classes)


def _router_settings(source: Source) -> Keys:
    own = set(_strings(source.value("constants.py", "ROUTER_SETTINGS_MANAGED_OUTSIDE_CONFIG")))
    parameters = _parameters(source.function("router.py", "__init__", "Router"))
    return {name: kinds for name, kinds in parameters.items() if name not in own}


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Keys:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return {a.arg: kinds_of(a.annotation) for a in arguments if a.arg != "self"}


def _module_settings(source: Source) -> Keys:
    """The module's own variables, which `litellm_settings` sets, and the keys that the proxy treats on their own."""
    found: Keys = {}
    for node in source.tree("__init__.py").body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                found[name] = kinds_of(annotation)
            case ast.Assign(targets=[ast.Name(id=name)]):
                found.setdefault(name, "")
            case ast.ImportFrom(module=str(module), names=names) if module.endswith(("constants", "_logging")):
                found |= {alias.name: "" for alias in names}
    for test in ast.walk(source.function("proxy/proxy_server.py", "load_config", "ProxyConfig")):
        if isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "key":
            found |= {name: found.get(name, "") for right in test.comparators for name in _strings(right)}
    return {name: kinds for name, kinds in found.items() if not name.startswith("_") and not name.isupper()}


def _call_params(source: Source, classes: Mapping[str, ast.ClassDef]) -> Keys:
    """What may stand in `litellm_params`: what LiteLLM takes for itself, and what a call to a provider takes."""
    found: Keys = {}
    for name in source.classes("types/litellm_params.py"):
        found |= dict.fromkeys(fields_of(name, classes), "")
    for name in ("StandardCallbackDynamicParams", "CustomPricingLiteLLMParams"):
        found |= dict.fromkeys(fields_of(name, classes), "")
    for name in ("OPENAI_CHAT_COMPLETION_PARAMS", "OPENAI_TRANSCRIPTION_PARAMS", "OPENAI_EMBEDDING_PARAMS"):
        found |= dict.fromkeys(_strings(source.value("constants.py", name)), "")
    found |= dict.fromkeys(_strings(source.value("constants.py", "DEFAULT_CHAT_COMPLETION_PARAM_VALUES")), "")
    for node in source.tree("main.py").body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in _CALLS:
            found |= dict.fromkeys(_parameters(node), "")
    found |= dict.fromkeys(_provider_params(source), "")
    found |= fields_of("LiteLLMParamsTypedDict", classes) | fields_of("LiteLLM_Params", classes)
    return {name: kinds for name, kinds in found.items() if not name.startswith("_")} | {"extra_body": "dict"}


def _provider_params(source: Source) -> Iterator[str]:
    """The settings of each provider: the variables of its `...Config` classes."""
    for file in sorted((source.folder / "llms").rglob("*transformation.py")):
        for node in source.tree(str(file.relative_to(source.folder))).body:
            if isinstance(node, ast.ClassDef) and "Config" in node.name:
                yield from (
                    part.target.id
                    for part in node.body
                    if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
                )


def _row_keys(source: Source) -> Keys:
    """Everything a row of the price map says of a model, which `model_info` may say too."""
    rows = json.loads((source.folder / "model_prices_and_context_window_backup.json").read_bytes())
    return dict.fromkeys((key for row in rows.values() for key in row), "")


def _budget_keys(source: Source) -> Iterable[str]:
    init = source.function("router_strategy/budget_limiter.py", "_init_provider_budgets", "RouterBudgetLimiting")
    return {key for name, key in _lookups(init) if name == "config"}


def _providers(source: Source, classes: Mapping[str, ast.ClassDef]) -> set[str]:
    if "LlmProviders" not in classes:
        raise _moved("types/utils.py", "LlmProviders")
    listed = json.loads((source.folder / "llms/openai_like/providers.json").read_bytes())
    members = (node.value for node in classes["LlmProviders"].body if isinstance(node, ast.Assign))
    return {*listed, *(name for value in members for name in _strings(value))}


def _strings(node: ast.AST) -> list[str]:
    """Every string that is written in an expression, in its order."""
    return [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def _number(node: ast.expr) -> float:
    """The number that is written in an expression: 5 in `int(os.getenv("ROUTER_MAX_FALLBACKS", 5))`."""
    numbers = (n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, int | float))
    return float(next(numbers))


def _looked_up(folder: Path) -> dict[str, Keys]:
    """By section: the keys that any function of LiteLLM looks up in a value of that name.

    By pattern and not by syntax tree: the package has 37 MB of source, and parsing it takes fifteen seconds.
    """
    found: dict[str, Keys] = {section: {} for section in _LOOKED_UP}
    for file in folder.rglob("*.py"):
        for hit in _LOOK_UP.finditer(file.read_text(encoding="utf-8")):
            found[_SECTION_OF[hit["of"] or hit["within"]]][hit["key"] or hit["member"]] = ""
    return found


def _lookups(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """The name of a value and the key that is looked up in it: `x.get("a")`, `x.pop("a")`, `x["a"]`, `"a" in x`."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=value, attr="get" | "pop" | "setdefault"),
                args=[ast.Constant(value=str(key)), *_],
            ):
                yield _name(value), key
            case ast.Subscript(value=value, slice=ast.Constant(value=str(key))):
                yield _name(value), key
            case ast.Compare(left=ast.Constant(value=str(key)), ops=[ast.In() | ast.NotIn()], comparators=[value]):
                yield _name(value), key


def _name(node: ast.expr) -> str:
    """What a value is called last: `deployment["litellm_params"]` and `self.litellm_params` are `litellm_params`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(name)), *_]):
            return name
        case ast.BoolOp(values=[first, *_]):
            return _name(first)
    return ""


def _moved(path: str, name: str) -> LlmlabError:
    return LlmlabError(
        f"the installed litellm no longer has {name} in {path}, from which its config keys are read; "
        "install the litellm that llmlab asks for"
    )
