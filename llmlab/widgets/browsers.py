"""What the browsers that show a panel know of it, and so what a message to them has to hold.

All of them get every message: two windows on one notebook, or an output that was given a second view. What one of them
has closed another may show, and what one of them was sent all of them have.
"""

from __future__ import annotations

from collections.abc import Mapping

from .views import Json, Patch, Payload


class Browsers:
    """The views that are open somewhere, what was last sent of each, and what was said beside them.

    Messages that draw are numbered, so that a browser which missed one notices, and asks for the whole.
    """

    def __init__(self) -> None:
        self.open: frozenset[str] | None = None  # None until a browser has said which views it shows
        self._shown: dict[str, Payload] = {}
        self._told: Json = {}
        self._number = 0

    @property
    def showing(self) -> frozenset[str]:
        """The views that are open in a browser."""
        return self.open or frozenset()

    def close(self, views: frozenset[str]) -> None:
        """A browser closed these views. Another that has one of them open says so when it hears of it."""
        self.open = self.showing - views
        for view in views:
            self._shown.pop(view, None)

    def gone(self) -> None:
        """Nobody looks any more."""
        self.open, self._shown = None, {}

    def told(self, **said: object) -> None:
        """Outside of a drawing they were told this."""
        self._told.update(said)

    def drawing(self, drawn: Mapping[str, Payload | None], beside: Json, rev: int) -> Json:
        """The message that shows these views whole (`None`: it could not be drawn), and all that stands beside them."""
        views = {name: payload.to_json() for name, payload in drawn.items() if payload}
        return self._draw(views, {}, drawn, beside, rev)

    def difference(self, drawn: Mapping[str, Payload | None], beside: Json, rev: int) -> Json | None:
        """The same in as little as possible: of a view that can be patched the patch; `None` where nothing is new."""
        news = {name: said for name, said in beside.items() if name not in self._told or self._told[name] != said}
        views, patches = {}, {}
        for name, payload in drawn.items():
            if payload:
                patch = payload.change_since(self._shown[name]) if name in self._shown else None
                if patch is None:
                    views[name] = payload.to_json()
                elif change := patch.to_json():
                    patches[name] = change
        if views or None in drawn.values():
            return self._draw(views, patches, drawn, news, rev)
        self._remember(drawn, news)
        return self._numbered("patch", views=patches, **news) if patches or news else None

    def patch(self, view: str, change: Patch) -> Json:
        """The message that changes one view. What is shown of it then only the browsers know."""
        self._shown.pop(view, None)
        return self._numbered("patch", views={view: change.to_json()})

    def _draw(self, views: Json, patches: Json, drawn: Mapping[str, Payload | None], beside: Json, rev: int) -> Json:
        self._remember(drawn, beside)
        failed = [name for name, payload in drawn.items() if not payload]
        return self._numbered("draw", rev=rev, views=views, patches=patches, failed=failed, **beside)

    def _remember(self, drawn: Mapping[str, Payload | None], told: Json) -> None:
        self._shown.update({name: payload for name, payload in drawn.items() if payload})
        self._told.update(told)

    def _numbered(self, kind: str, **content: object) -> Json:
        self._number += 1
        return {"kind": kind, "number": self._number, **content}
