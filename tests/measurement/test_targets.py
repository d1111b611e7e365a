"""From what a person types to what is called and what it costs."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab.catalog import load_catalog, parse_overrides
from llmlab.errors import LlmlabError, UnknownNameError
from llmlab.measurement.targets import Target, resolve, server_url

NOVEMBER = load_catalog("2026-11")
SERVER = "http://localhost:8000/v1"
URL = "http://127.0.0.1:1"
SECRET = "sk-nobody-may-see-this"


def one(model: str, **how: Any) -> Target:
    (target,) = resolve([model], how.pop("catalog", NOVEMBER), environ=how.pop("environ", {}), **how)
    return target


# --- Simulated


@pytest.mark.parametrize("name", ["simulated/claude-sonnet", "claude-sonnet", " claude-sonnet "])
def test_a_simulated_endpoint_is_called_at_the_simulator_in_its_dialect(name: str) -> None:
    target = one(name)
    assert (target.name, target.model) == ("simulated/claude-sonnet", "anthropic/sim-claude-sonnet")
    assert target.call(URL) == {"model": "anthropic/sim-claude-sonnet", "api_base": URL, "api_key": "simulated"}
    assert target.missing({}) == () and target.key_variable is None


def test_a_simulated_endpoint_borrows_a_price() -> None:
    target = one("simulated/claude-sonnet")
    assert (target.endpoint, target.catalog) == ("anthropic/claude-sonnet-4-6", "seed-2026-early")


def test_a_simulated_endpoint_cannot_be_called_without_a_simulator() -> None:
    with pytest.raises(LlmlabError, match="simulated/gpt-5 is simulated: start a Simulator"):
        one("simulated/gpt-5").call()


# --- Of the catalog, of LiteLLM


def test_an_endpoint_of_the_catalog_is_called_by_its_litellm_name_and_priced_by_itself() -> None:
    target = one("vllm/deepseek-ai/DeepSeek-V3")
    assert target.call() == {"model": "hosted_vllm/deepseek-ai/DeepSeek-V3"}
    assert (target.name, target.endpoint, target.catalog) == (*["vllm/deepseek-ai/DeepSeek-V3"] * 2, "2026-11")
    assert target.missing({}) == ("HOSTED_VLLM_API_BASE",)


def test_a_litellm_id_has_the_price_of_the_endpoint_that_is_called_so() -> None:
    target = one("openai/gpt-6.1-sol")
    assert (target.model, target.endpoint) == ("openai/gpt-6.1-sol", "openai/gpt-6.1-sol")  # and not its @eu twin
    assert (target.missing({}), target.missing({"OPENAI_API_KEY": "k"})) == (("OPENAI_API_KEY",), ())


def test_overrides_reach_the_price() -> None:
    deal = "name: deal\ndiscounts:\n  - {provider: anthropic, factor: 0.5, note: contract}\n"
    price = one(
        "anthropic/claude-sonnet-4-6", catalog=load_catalog("2026-11", parse_overrides(deal, "deal.yaml"))
    ).price
    assert price is not None
    standard = price.prices[0].rates.standard
    assert standard is not None and standard.input == Decimal("1.5")


@pytest.mark.parametrize("name", ["openai/gpt-4o-mini", "gpt-4o-mini"])
def test_what_the_catalog_does_not_have_is_priced_by_litellms_own_list(name: str) -> None:
    target = one(name)
    assert (target.name, target.model) == (name, "openai/gpt-4o-mini")
    assert (target.endpoint, target.catalog) == ("gpt-4o-mini", "litellm")


@pytest.mark.parametrize("name", ["openrouter/some/model", "azure/my-deployment", "cohere_chat/command-x"])
def test_what_nobody_prices_can_be_called_and_is_unpriced(name: str) -> None:
    target = one(name)
    assert target.call() == {"model": name}
    assert (target.price, target.endpoint, target.catalog) == (None, None, None)


@pytest.mark.parametrize(
    ("environ", "region"),
    [({}, "eu-central-1"), ({"AWS_REGION": "eu-west-1"}, "eu-west-1"), ({"AWS_REGION": "us-east-1"}, "eu-central-1")],
)
def test_a_bedrock_profile_is_dialled_in_a_region_it_is_offered_in(environ: dict[str, str], region: str) -> None:
    target = one("bedrock/eu.anthropic.claude-opus-4-7", environ=environ)
    assert target.call() == {"model": "bedrock/eu.anthropic.claude-opus-4-7", "aws_region_name": region}
    assert target.region is None  # the profile's price is that of its area


@pytest.mark.parametrize(
    ("environ", "location", "uplift"),
    [
        ({}, "global", 1),
        ({"VERTEXAI_LOCATION": "global"}, "global", 1),
        ({"VERTEXAI_LOCATION": "europe-west1"}, "europe-west1", Decimal("1.1")),
    ],
)
def test_vertex_is_dialled_where_the_environment_says_and_priced_for_it(
    environ: dict[str, str], location: str, uplift: Decimal
) -> None:
    target = one("vertex_ai/claude-sonnet-4-6", environ=environ)
    assert target.call()["vertex_location"] == location
    assert target.price is not None and target.price.uplift(target.region) == uplift


# --- At a server of one's own


def test_a_model_at_a_server_is_called_there_with_no_key_in_sight() -> None:
    target = one("org/some-model", api_base="http://localhost:8000", environ={"OPENAI_API_KEY": SECRET})
    assert target.name == "org/some-model at localhost:8000"
    assert target.call() == {"model": "hosted_vllm/org/some-model", "api_base": SERVER}
    assert (target.key_variable, target.missing({}), target.price) == ("LLMLAB_API_KEY", (), None)


@pytest.mark.parametrize("name", ["gpt-4o", "openai/gpt-4o", "claude-sonnet"])
def test_a_well_known_name_at_a_server_is_neither_priced_nor_simulated(name: str) -> None:
    target = one(name, api_base=SERVER)
    assert (target.model, target.price, target.simulated) == (f"hosted_vllm/{name}", None, None)


@pytest.mark.parametrize("name", ["deepseek-ai/DeepSeek-V3", "vllm/deepseek-ai/DeepSeek-V3", "hosted_vllm/deepseek-ai/DeepSeek-V3"])  # fmt: skip  # noqa: E501
def test_a_self_hosted_endpoint_of_the_catalog_is_known_at_a_server(name: str) -> None:
    target = one(name, api_base=SERVER)
    assert target.call() == {"model": "hosted_vllm/deepseek-ai/DeepSeek-V3", "api_base": SERVER}
    assert target.endpoint == "vllm/deepseek-ai/DeepSeek-V3"


def test_simulated_endpoints_can_stand_beside_a_server() -> None:
    targets = resolve(["my-model", "simulated/gpt-5"], NOVEMBER, api_base=SERVER, environ={})
    assert [(target.name, target.api_base) for target in targets] == [
        ("my-model at localhost:8000", SERVER),
        ("simulated/gpt-5", None),
    ]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("http://localhost:8000", SERVER),
        (" http://LOCALHOST:8000/ ", SERVER),
        ("http://localhost:8000/v1/", SERVER),
        ("http://localhost:8000/v1/chat/completions", SERVER),
        ("http://localhost:8000/v1/models", SERVER),
        ("https://llm.example.com/team/v1", "https://llm.example.com/team/v1"),
        ("http://[::1]:11434", "http://[::1]:11434/v1"),
    ],
)
def test_a_servers_url_is_read_as_people_write_it(given: str, read: str) -> None:
    assert server_url(given) == read
    assert server_url(read) == read


@pytest.mark.parametrize(
    "given",
    [
        "localhost:8000",
        "ftp://localhost",
        "http://",
        "",
        "http://localhost:99999",
        "http://[::1",
        f"http://me:{SECRET}@localhost:8000",
        f"http://{SECRET}@localhost:8000",
        f"http://localhost:{SECRET}",
        f"http://localhost:8000/v1?key={SECRET}",
        f"{SECRET}",
    ],
)
def test_a_url_that_cannot_be_one_is_refused_with_the_mend_and_without_its_text(given: str) -> None:
    with pytest.raises(LlmlabError, match="write it as http://localhost:8000/v1") as caught:
        resolve(["m"], NOVEMBER, api_base=given)
    assert SECRET not in str(caught.value)


@given(st.text().map("http://{}".format) | st.text())
def test_any_text_is_either_a_url_or_refused(text: str) -> None:
    try:
        read = server_url(text)
    except LlmlabError:
        return
    assert read.startswith(("http://", "https://")) and read.isprintable() and " " not in read
    assert urlsplit(server_url(read)).netloc == urlsplit(read).netloc


# --- Names


def test_two_of_one_name_are_told_apart() -> None:
    targets = resolve(["gpt-5", "openai/gpt-5", "simulated/gpt-5", "gpt-5"], NOVEMBER, environ={})
    assert [target.name for target in targets] == [
        "simulated/gpt-5", "openai/gpt-5", "simulated/gpt-5 #2", "simulated/gpt-5 #3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("claude-sonet", "simulated/claude-sonnet"),
        ("simulated/claude-sonet", "simulated/claude-sonnet"),
        ("antropic/claude-sonnet-4-6", "anthropic/claude-sonnet-4-6"),
        ("antropic/my-model", "anthropic/my-model"),
        ("goq/llama-9", "groq/llama-9"),
    ],
)
def test_an_unknown_name_is_told_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        one(name)
    assert nearest in caught.value.nearest


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gpt-4o", "name an endpoint: azure/gpt-4o"),
        ("azure/eu/gpt-5", "to call yours, write azure/<its name>"),
        ("openai/gpt-6.1-sol@eu", "Set api_base to OpenAI's EU host"),
        ("vertex_ai/claude-opus-4-7@eu", "set vertex_location"),
        ("openai/text-embedding-3-small", "is for embedding"),
        ("", "unknown model ''"),
    ],
)
def test_a_name_that_cannot_be_called_says_why(name: str, said: str) -> None:
    with pytest.raises(LlmlabError) as caught:
        one(name)
    assert said in str(caught.value)


def test_nothing_to_measure_is_an_error_that_offers_something() -> None:
    with pytest.raises(LlmlabError, match="simulated/claude-sonnet, which needs no key"):
        resolve([], NOVEMBER)


def test_an_endpoint_that_says_no_name_to_call_is_refused() -> None:
    with pytest.raises(LlmlabError, match="has no litellm_model in catalog seed-2026-early"):
        one("anthropic/claude-sonnet-4-6", catalog=load_catalog("seed-2026-early"))


@pytest.mark.parametrize("name", ["simulated/azure-gpt-4o", "anthropic/claude-sonnet-4-6", "azure/mine"])
def test_what_a_worker_is_told_is_plain_and_holds_no_secret(name: str) -> None:
    target = one(name, environ={"ANTHROPIC_API_KEY": SECRET, "AZURE_API_KEY": SECRET, "AZURE_API_BASE": SECRET})
    assert SECRET not in json.dumps(target.call(URL)) + repr(target)


def test_every_endpoint_of_the_newest_catalog_can_be_called_or_says_why_not() -> None:
    refused = []
    for endpoint in NOVEMBER:
        try:
            assert one(endpoint.id).price is endpoint
        except LlmlabError:
            refused.append(endpoint.id)
    assert all("@" in id or id.startswith(("azure/eu/", "azure/us/")) for id in refused)


def test_litellm_is_not_imported_for_any_of_this() -> None:
    asked = (
        "from llmlab.catalog import load_catalog; from llmlab.measurement.targets import resolve; import sys;"
        "resolve(['gpt-5', 'openai/gpt-4o-mini', 'novita/m'], load_catalog()); print(*sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert {"litellm", "openai", "anthropic", "aiohttp"}.isdisjoint(run.stdout.split())
