"""LiteLLM's price map, read out of the installed wheel's JSON and translated into the catalog's records.

LiteLLM itself is never imported: that takes seconds, tries the network, and walking its map by calling it can start a
login. A row becomes an endpoint whose id is the row's key, the name that people write in configs. Of each row:

- Dollars per token become dollars per million, exactly. Keys ending in `_batches`, `_flex` and `_priority` are modes,
  `_above_200k_tokens` and the steps of `tiered_pricing` are tiers. `_balanced`, `_ultrafast` and `_decisions` are sold
  by a few models only and have no mode here; prices of audio, images, searches and storage are not text tokens.
- LiteLLM applies a tier to the whole request once its prompt is *over* the threshold, and for some providers once it
  reaches it (`inclusive_tiers` in `packages.yaml`). A class missing in a tier stays missing: billing says what it
  takes instead.
- A price of 0 for input, output or reasoning is nobody's price list: it is where LiteLLM has none (local models,
  subscriptions, previews). Such a row is unpriced. A cache write of 0 means that there is no separate charge for writes
  (DeepSeek), so the tokens are input. A cache read of 0 is kept, since some providers do not bill hits, and noted.
- Rows of other modes (embeddings, images, speech) are here with what token prices they have; they are unpriced for a
  text request, and their `task` names their mode.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import importlib.util
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from ..errors import CatalogError
from .bulk import Bulk, Sighting, host, known, merge, model_id, plain, providers, read_on
from .lifecycle import inherited_dates
from .records import SCOPES, Endpoint, Evidence, Mode, ModeRates, OffPeak, PriceList, Rates, Residency, Scope, Tier

FILE = "model_prices_and_context_window_backup.json"
Row = Mapping[str, Any]
Cells = dict[tuple[int, Mode], dict[str, Decimal]]  # by tier (0 is the base) and mode, then by token class

_RATE = re.compile(
    r"(?P<base>input_cost_per_token(_cache_hit)?|output_cost_per_(reasoning_)?token|cache_(read|creation)_input_token_cost)"
    r"(?P<hour>_above_1hr)?(_above_(?P<above>\d+)(?P<k>k?)_tokens)?(_(?P<mode>batches|flex|priority))?"
)
_CLASSES = {
    "input_cost_per_token": "input",
    "input_cost_per_token_cache_hit": "cache_read",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write_5m",
    "output_cost_per_token": "output",
    "output_cost_per_reasoning_token": "reasoning",
}
_MODES: dict[str | None, Mode] = {None: "standard", "batches": "batch", "flex": "flex", "priority": "priority"}
_OTHER_UNIT = re.compile(r"cost_per_(second|character|image|pixel|video|audio|query|page|request|credit)")
_REGION = re.compile(r"[a-z]{2}(-gov)?-[a-z]+-\d")
_MODALITIES = {
    "image": "supports_vision",
    "pdf": "supports_pdf_input",
    "audio": "supports_audio_input",
    "video": "supports_video_input",
}
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@functools.lru_cache(maxsize=1)
def read_litellm() -> Bulk:
    """Every row of the installed LiteLLM's price map. Raises `CatalogError` if it is not there or not as expected."""
    file = _file()
    version = importlib.metadata.version("litellm")
    checked_on, caveat = read_on("litellm", version, file)
    rows, left_out = _rows(file)
    retirements = inherited_dates({key: _date(row.get("deprecation_date")) for key, row in rows.items()})
    source = f"litellm {version}{caveat} row"
    return Bulk(
        name="litellm",
        version=version,
        as_of=checked_on,
        providers=providers({row["litellm_provider"]: row["litellm_provider"] for row in rows.values()}),
        models=merge((_sighting(key, row, source) for key, row in rows.items()), checked_on),
        endpoints=tuple(
            _endpoint(key, row, Evidence(source=f"{source} {key}", checked_on=checked_on), retirements.get(key))
            for key, row in rows.items()
        ),
        left_out=left_out,
    )


def _file() -> Path:
    # find_spec of a top-level name finds a package without running it.
    spec = importlib.util.find_spec("litellm")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (file := Path(folder) / FILE).is_file():
            return file
    raise CatalogError(f"the installed litellm has no {FILE}; install litellm to read its prices")


def _rows(file: Path) -> tuple[dict[str, Row], Mapping[str, int]]:
    """The rows that describe something a provider sells, and the count of the others by reason."""
    try:
        document = json.loads(file.read_bytes(), parse_float=Decimal)
    except ValueError as e:
        raise CatalogError(f"litellm's {FILE} is not JSON: {e}") from e
    rows: dict[str, Row] = {}
    left_out: Counter[str] = Counter()
    for key, row in document.items():
        if key == "sample_spec":
            left_out["documentation of the keys"] += 1
        elif not isinstance(row, dict) or "litellm_provider" not in row:
            left_out["no provider: rules, not a row"] += 1
        else:
            rows[key] = row
    return rows, left_out


def _endpoint(key: str, row: Row, evidence: Evidence, retires_on: date | None) -> Endpoint:
    provider = row["litellm_provider"]
    price = _price(row, evidence)
    scope, regions, said_by = _place(key, row)
    return Endpoint(
        id=key,
        model=model_id(key, provider)[0],
        provider=provider,
        task="text" if _is_text(row) else row.get("mode") or "not stated",
        litellm_model=_call_name(key, provider),
        regions=regions,
        residency=Residency(
            scope=scope,
            evidence=dataclasses.replace(evidence, source=f"{evidence.source} ({said_by})") if said_by else None,
        ),
        max_input_tokens=_count(row.get("max_input_tokens")),
        max_output_tokens=_count(row.get("max_output_tokens")),
        min_cache_tokens=_count(row.get("prompt_cache_min_tokens")),
        prices=(price,) if price else (),
        uplifts=_uplifts(row),
        retires_on=retires_on,
        successor=row.get("metadata", {}).get("successor"),
        rows={"litellm": key},
        note=_note(row, price),
    )


def _is_text(row: Row) -> bool:
    return row.get("mode") in known("litellm", "text_modes")


def _price(row: Row, evidence: Evidence) -> PriceList | None:
    """The row's prices; `None` if it has none, or is of a text mode and a request could not be billed by them."""
    cells = _cells(row)
    tiers = sorted({above for above, _ in cells if above})
    inclusive = row["litellm_provider"] in known("litellm", "inclusive_tiers")
    per_request = _number(row.get("input_cost_per_request"))
    price = PriceList(
        rates=_mode_rates(cells, 0),
        tiers=tuple(Tier(above=n, rates=_mode_rates(cells, n), boundary_included=inclusive) for n in tiers),
        off_peak=_off_peak(row),
        per_request_usd=plain(per_request) if per_request else None,
        evidence=evidence,
    )
    if _is_text(row):
        return price if price.priced else None
    return price if price.rates.standard else None


def _cells(row: Row) -> Cells:
    """The row's token rates, in dollars per million."""
    cells: Cells = {}
    for key, value in row.items():
        if (place := _rate_key(key)) is not None:
            above, mode, token_class = place
            _put(cells, above, mode, token_class, value, instead=not key.startswith("input_cost_per_token_cache_hit"))
    for step in row.get("tiered_pricing", ()):
        if "range" in step:  # a few tables go by the number of search results instead
            for key, value in step.items():
                if (place := _rate_key(key)) is not None:
                    _put(cells, int(step["range"][0]), "standard", place[2], value)
    return cells


def _put(cells: Cells, above: int, mode: Mode, token_class: str, value: object, *, instead: bool = True) -> None:
    rate = _number(value)
    if rate is None or (rate == 0 and token_class != "cache_read"):
        return
    rates = cells.setdefault((above, mode), {})
    if instead or token_class not in rates:
        rates[token_class] = per_million(rate)


@functools.cache
def _rate_key(key: str) -> tuple[int, Mode, str] | None:
    """Tier, mode and token class that a key of a row is the rate of, if it is one."""
    named = _RATE.fullmatch(key)
    if named is None:
        return None
    token_class = "cache_write_1h" if named["hour"] else _CLASSES[named["base"]]
    above = int(named["above"] or 0) * (1000 if named["k"] else 1)
    return above, _MODES[named["mode"]], token_class


def _mode_rates(cells: Cells, above: int) -> ModeRates:
    # At the base, a mode is sold where its input has a price: a lone cache price does not make a batch offer.
    rates = {
        mode: Rates(**cells[above, mode])
        for mode in _MODES.values()
        if (above, mode) in cells and (above or mode == "standard" or "input" in cells[above, mode])
    }
    return ModeRates(**rates)


def per_million(rate: Decimal) -> Decimal:
    """Dollars per token as dollars per million tokens, without rounding."""
    return plain(rate.scaleb(6))


def _off_peak(row: Row) -> OffPeak | None:
    block = row.get("off_peak_pricing")
    if not block:
        return None
    rates = _cells({key: value for key, value in block.items() if _rate_key(key)}).get((0, "standard"))
    hours = [_hours(block["hours_utc"])] if "hours_utc" in block else []
    hours += [f"{_days(window.get('weekdays'))}{_hours(window['hours_utc'])}" for window in block.get("windows", ())]
    calendar = f" (weekdays as in {block['weekday_timezone']})" if "weekday_timezone" in block else ""
    return OffPeak(hours_utc="; ".join(hours) + calendar, rates=Rates(**rates)) if rates and hours else None


def _hours(said: str | Iterable[str]) -> str:
    windows = [said] if isinstance(said, str) else list(said)
    return ", ".join("all day" if window == "00:00-00:00" else window for window in windows)


def _days(weekdays: list[int] | None) -> str:
    if not weekdays:
        return ""
    names = [_WEEKDAYS[day - 1] for day in weekdays]
    in_a_row = weekdays == list(range(weekdays[0], weekdays[-1] + 1)) and len(weekdays) > 1
    return (f"{names[0]}-{names[-1]}" if in_a_row else ",".join(names)) + " "


def _uplifts(row: Row) -> dict[str, Decimal]:
    """Factors for a request that has to stay in a region: Vertex (any region), OpenAI (by host), Anthropic (by geo)."""
    said = {
        "*": row.get("regional_endpoint_uplift_multiplier"),
        "eu": row.get("regional_processing_uplift_multiplier_eu"),
        "us": row.get("regional_processing_uplift_multiplier_us"),
    }
    # Beside regions, this entry holds factors for speed ("fast") and settings that are no prices.
    said |= {key: value for key, value in row.get("provider_specific_entry", {}).items() if key in SCOPES}
    return {region: plain(factor) for region, value in said.items() if (factor := _number(value))}


def _place(key: str, row: Row) -> tuple[Scope, tuple[str, ...], str | None]:
    """Residency scope, regions, and what of the row said so. Most rows say nothing: unknown."""
    head, *middle, name = key.split("/") if "/" in key else ("", key)
    if head == "azure" and middle and middle[0] in known("azure_areas"):
        return known("azure_areas")[middle[0]], (), f"prefix azure/{middle[0]}/"
    if host(row["litellm_provider"]) == "bedrock":
        regions = tuple(part for part in middle if _REGION.fullmatch(part))
        profile, dot, _ = name.partition(".")
        if dot and profile in known("bedrock_profiles"):
            return known("bedrock_profiles")[profile], regions, f"prefix {profile}."
        if regions and regions[0] in known("region_scopes"):
            return known("region_scopes")[regions[0]], regions, f"prefix {head}/{regions[0]}/"
        return "unknown", regions, None
    served = row.get("supported_regions", ())
    if list(served) == ["global"]:
        return "global", (), "supported_regions"
    return "unknown", tuple(region for region in served if region != "global"), None


def _call_name(key: str, provider: str) -> str | None:
    """What to give LiteLLM as `model`; `None` where the key is a price and not something to call."""
    prefix = known("litellm", "call_prefixes").get(provider) or provider
    if prefix.startswith("vertex_ai-"):
        prefix = "vertex_ai"
    if "/" not in key:
        size_class = any(key.startswith(start) for start in known("litellm", "size_classes"))
        return None if size_class else f"{prefix}/{key}"
    head, rest = key.split("/", 1)
    if "*" in key:  # Bedrock commitments in any region
        return None
    if head.replace("-", "_") == prefix.replace("-", "_"):
        return f"{prefix}/{rest}"
    return None  # 1024-x-1024/gpt-image-1.5 and other sizes of one picture


def _note(row: Row, price: PriceList | None) -> str | None:
    said: list[str] = []
    if price is None or not price.priced:
        said.append(f"unpriced: {_why_unpriced(row)}")
    elif price.rates.standard and price.rates.standard.cache_read == 0:
        said.append("cache reads are listed at 0")
    return "; ".join(said) or None


def _why_unpriced(row: Row) -> str:
    why = [
        f"no {side} price" if rate is None else f"{side} listed at 0"
        for side in ("input", "output")
        if not (rate := _number(row.get(f"{side}_cost_per_token")))
    ]
    units = sorted({unit[1] for key, value in row.items() if value and (unit := _OTHER_UNIT.search(key))})
    return ", ".join(why) + (f" (sold per {', '.join(units)})" if units else "")


def _sighting(key: str, row: Row, source: str) -> Sighting:
    provider = row["litellm_provider"]
    model, vendor = model_id(key, provider)
    inputs = [name for name, flag in _MODALITIES.items() if row.get(flag)]
    return Sighting(
        model=model,
        source=f"{source} {key}",
        maker=known("makers").get(provider),
        vendor=vendor,
        context_tokens=_count(row.get("max_input_tokens")),
        max_output_tokens=_count(row.get("max_output_tokens")),
        modalities=("text", *inputs) if _is_text(row) else tuple(inputs),
    )


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool):
        return None
    return Decimal(value) if isinstance(value, int | Decimal) else None


def _count(value: object) -> int | None:
    """A positive whole number; some rows write it as a float, some write 0 for not known."""
    number = _number(value)
    return int(number) if number and number == number.to_integral_value() else None


def _date(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
