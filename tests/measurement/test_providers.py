"""Providers found by the names of variables; the values are nobody's business."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from llmlab.catalog import load_catalog
from llmlab.measurement.providers import available, litellm_prefixes, missing, provider_of, providers

SECRET = "sk-nobody-may-see-this"
ENTRA = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c"}


def names(environ: dict[str, str]) -> list[str]:
    return [provider.prefix for provider in available(environ)]


def test_nothing_is_available_in_an_empty_environment() -> None:
    assert names({}) == []


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({"ANTHROPIC_API_KEY": "k"}, ["anthropic"]),
        ({"ANTHROPIC_AUTH_TOKEN": "k"}, ["anthropic"]),
        ({"GOOGLE_API_KEY": "k"}, ["gemini"]),
        ({"OPENAI_API_KEY": "k", "GROQ_API_KEY": "k"}, ["openai", "groq"]),
        ({"AZURE_API_KEY": "k"}, []),
        ({"AZURE_API_KEY": "k", "AZURE_API_BASE": "u"}, ["azure"]),
        ({"AWS_ACCESS_KEY_ID": "k"}, []),
        ({"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "k"}, ["bedrock"]),
        ({"AWS_PROFILE": "p"}, ["bedrock"]),
        ({"OPENAI_API_KEY": ""}, []),
    ],
    ids=str,
)
def test_a_provider_is_available_where_one_of_its_ways_is_set_in_full(environ: Any, found: list[str]) -> None:
    assert names(environ) == found


@pytest.mark.parametrize(
    ("model", "environ", "needed"),
    [
        ("anthropic/claude-sonnet-4-6", {}, ("ANTHROPIC_API_KEY",)),
        ("anthropic/claude-sonnet-4-6", {"ANTHROPIC_AUTH_TOKEN": "k"}, ()),
        ("bedrock/eu.anthropic.claude-opus-4-7", {}, ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")),
        ("bedrock/eu.anthropic.claude-opus-4-7", {"AWS_SECRET_ACCESS_KEY": "k"}, ("AWS_ACCESS_KEY_ID",)),
        ("bedrock/eu.anthropic.claude-opus-4-7", {"AWS_BEARER_TOKEN_BEDROCK": "k"}, ()),
        ("azure/mine", {}, ("AZURE_API_BASE", "AZURE_API_KEY")),
        ("azure/mine", {"AZURE_API_BASE": "u"}, ("AZURE_API_KEY",)),
        ("azure/mine", {"AZURE_API_KEY": "k"}, ("AZURE_API_BASE",)),
        ("azure/mine", ENTRA, ("AZURE_API_BASE", "AZURE_CLIENT_SECRET")),
        ("openai/gpt-5", {"OPENAI_API_KEY": ""}, ("OPENAI_API_KEY",)),
        ("novita/some-model", {}, ()),
    ],
)  # fmt: skip
def test_what_is_missing_is_what_the_nearest_way_lacks(model: str, environ: Any, needed: tuple[str, ...]) -> None:
    assert missing(model, environ) == needed


def test_no_value_is_in_what_is_told() -> None:
    environ = {name: SECRET for provider in providers() for way in provider.ways for name in way}
    assert available(environ) == providers()
    assert SECRET not in str(
        [available(environ), [p.variables(environ) for p in providers()], missing("xai/m", environ)]
    )


def test_each_provider_is_listed_once_and_litellm_knows_its_prefix() -> None:
    prefixes = [provider.prefix for provider in providers()]
    assert len(set(prefixes)) == len(prefixes)
    assert set(prefixes) <= litellm_prefixes()


def test_every_endpoint_of_the_newest_catalog_has_a_provider_whose_variables_are_known() -> None:
    for endpoint in load_catalog():
        provider = provider_of(str(endpoint.litellm_model))
        assert provider is not None and endpoint.provider in provider.catalog, endpoint.id


def test_litellm_is_not_imported_for_any_of_this() -> None:
    asked = (
        "from llmlab.measurement.providers import *; litellm_prefixes(), available({}); import sys; print(*sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert {"litellm", "openai", "anthropic"}.isdisjoint(run.stdout.split())
