"""One JupyterLab and one Chromium for the session, and a notebook for each test that wants its own kernel.

Where there is no Chromium the tests are skipped, so that `pytest` works on a bare machine; with
LLMLAB_REQUIRE_BROWSER=1 they fail instead, so that a missing browser cannot pass unnoticed. LLMLAB_CHROMIUM names
another browser, LLMLAB_SCREENSHOTS a folder for what failing tests saw.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, sync_playwright

from driving import COUNT_MESSAGES, SHOW, SHUT_DOWN, notebook_of, run_all, set_theme, wait_until_idle
from labserver import CHROMIUM, CHROMIUM_ARGUMENTS, LabServer, lab_server

OpenNotebook = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Last: Playwright keeps an event loop running in this thread, and others want one of their own."""
    items.sort(key=lambda item: item.path.parent == Path(__file__).parent)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        if os.environ.get("LLMLAB_REQUIRE_BROWSER"):
            pytest.fail(f"no browser at {CHROMIUM}")
        pytest.skip(f"no browser at {CHROMIUM}")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    with lab_server(tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("home")) as server:
        yield server


@pytest.fixture(scope="session")
def notebook(lab: LabServer, browser: Browser) -> Iterator[OpenNotebook]:
    """`notebook(*cells, width=, theme=)` writes, opens and runs a notebook, and returns the page it is in."""
    pages: list[Page] = []

    def open_notebook(*cells: str, width: int = 1400, theme: str = "Light", path: Path | None = None) -> Page:
        path = path or lab.root / f"test-{os.urandom(4).hex()}.ipynb"
        if cells:
            path.write_text(json.dumps(notebook_of(cells)))
        page = browser.new_page(viewport={"width": width, "height": 1000})
        page.set_default_timeout(20_000)
        page.add_init_script(COUNT_MESSAGES)
        pages.append(page)
        page.goto(lab.notebook_url(path.name))
        page.wait_for_function("() => window.jupyterapp?.restored", timeout=90_000)
        page.evaluate("() => window.jupyterapp.restored.then(() => true)")
        set_theme(page, theme)
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
        page.evaluate("() => window.jupyterapp.commands.execute('application:toggle-left-area')")
        if cells:
            wait_until_idle(page)
            run_all(page)
        return page

    yield open_notebook
    for page in pages:
        page.evaluate(SHUT_DOWN)
        page.close()


@pytest.fixture(scope="session")
def demo_page(notebook: OpenNotebook) -> Page:
    """One page with the demo panel, for the tests that can share it: each runs its cell again."""
    return notebook(SHOW)


@pytest.fixture(autouse=True)
def page_errors(request: pytest.FixtureRequest) -> Iterator[None]:
    """No test passes while the page throws; a failing one leaves a picture."""
    errors: list[str] = []

    def keep(error: Error) -> None:
        if "/static/lab/" not in (error.stack or ""):  # JupyterLab's splash screen trips over quick changes of theme
            errors.append(f"{error}\n{error.stack}")

    page: Page | None = request.getfixturevalue("demo_page") if "demo_page" in request.fixturenames else None
    if page:
        page.on("pageerror", keep)
    yield
    folder = os.environ.get("LLMLAB_SCREENSHOTS")
    if page and folder and getattr(request.node, "failed", False):
        page.screenshot(path=Path(folder) / f"{request.node.name}.png")
    if page:
        page.remove_listener("pageerror", keep)
    assert errors == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Any:
    report = yield
    if call.when == "call":
        item.failed = report.failed  # type: ignore[attr-defined]  # for page_errors
    return report
