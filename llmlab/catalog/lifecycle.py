"""When an alias is switched off: on the day of the snapshot it points at.

Providers give retirement dates to dated snapshots (`gpt-5-2025-08-07`), while configs name aliases (`gpt-5`). An alias
without a date of its own would look as if it were to live for ever.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

# gpt-5-2025-08-07, claude-haiku-4-5@20251001, anthropic.claude-haiku-4-5-20251001-v1:0
_SNAPSHOT = re.compile(
    r"^(?P<alias>.+)[-@](?P<year>20\d\d)(?P<dash>-?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)(-v\d+(:\d+)?)?$"
)
_POINTER = re.compile(r"(-latest|@default)$")


def inherited_dates(dates_by_id: Mapping[str, date | None]) -> dict[str, date]:
    """The retirement dates of all ids that have one, their own or that of their newest dated snapshot.

    The rule: an id with a date keeps it. An id without one, that is not a snapshot itself, takes the date of its newest
    snapshot: of the ids that are exactly the alias, a full day (`-2025-08-07`, `-20250807`, `@20250807`) and at most a
    Bedrock version (`-v1:0`), the one with the latest day *in its name*, however late the others retire. So `gpt-5` is
    no alias of `gpt-5-mini-2025-08-07`, and `azure/gpt-5` none of `gpt-5-2025-08-07`. If that newest snapshot has no
    date, neither has the alias. `-latest` and `@default` at the end of an alias are passed over. Days without a year
    (`-0613`) say nothing about which is newest, and are not read.
    """
    newest: dict[str, tuple[date, str]] = {}
    for id in dates_by_id:
        if (snapshot := _snapshot(id)) is not None:
            alias, made_on = snapshot
            newest[alias] = max(newest.get(alias, (made_on, id)), (made_on, id))
    found: dict[str, date] = {}
    for id, own in dates_by_id.items():
        retires_on = own
        if retires_on is None and (points_at := newest.get(_POINTER.sub("", id))):
            retires_on = dates_by_id[points_at[1]]
        if retires_on is not None:
            found[id] = retires_on
    return found


def _snapshot(id: str) -> tuple[str, date] | None:
    """The alias and the day in the name of a dated snapshot."""
    named = _SNAPSHOT.match(id)
    if named is None:
        return None
    try:
        return named["alias"], date(int(named["year"]), int(named["month"]), int(named["day"]))
    except ValueError:
        return None
