"""What a test does to a notebook that is open in JupyterLab, and what it can see of the traffic."""

from __future__ import annotations

import ast
from typing import Any

from playwright.sync_api import Locator, Page

SHOW = "from demo import Demo\npanel = Demo()\npanel"
SHUT_DOWN = "() => window.jupyterapp.shell.currentWidget?.sessionContext?.shutdown()"
SETTLE_MS = 700  # the panel calls itself settled 400 ms after the last change

# Counts what crosses the kernel's web socket, both ways, from the page's first moment.
COUNT_MESSAGES = """(() => {
  const size = (data) => typeof data === 'string' ? data.length : data.byteLength;
  const text = (data) => typeof data === 'string' ? data : new TextDecoder().decode(data);
  window.traffic = [];
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    window.traffic.push({ way: 'sent', size: size(data), text: text(data) });
    return send.call(this, data);
  };
  window.WebSocket = new Proxy(WebSocket, { construct(target, args) {
    const socket = new target(...args);
    socket.addEventListener('message', ({ data }) =>
      window.traffic.push({ way: 'received', size: size(data), text: text(data).slice(0, 20000) }));
    return socket;
  } });
})()"""

# Every element with text of its own whose contrast with what is behind it is under 4.5:1.
LOW_CONTRAST = """(root) => {
  const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const behind = (node) => {
    const layers = [];
    for (let one = node; one; one = one.parentElement) layers.unshift(getComputedStyle(one).backgroundColor);
    return layers;
  };
  const pixel = (layers) => {
    context.fillStyle = 'white';
    context.fillRect(0, 0, 1, 1);
    for (const layer of layers) { context.fillStyle = layer; context.fillRect(0, 0, 1, 1); }
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => rgb.map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const worst = [];
  for (const node of root.querySelectorAll('*')) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || node.closest('svg, .failed') || !node.checkVisibility()) continue;
    const layers = behind(node);
    const [paper, ink] = [light(pixel(layers)), light(pixel([...layers, getComputedStyle(node).color]))];
    const ratio = (Math.max(paper, ink) + 0.05) / (Math.min(paper, ink) + 0.05);
    if (ratio < 4.5) worst.push(`${ratio.toFixed(2)} ${node.className} ${node.textContent.slice(0, 40)}`);
  }
  return worst;
}"""


def notebook_of(cells: tuple[str, ...]) -> dict[str, Any]:
    """A Python notebook with these code cells."""
    empty: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    code = [empty | {"id": f"cell-{i}", "source": source} for i, source in enumerate(cells)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": code, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def wait_until_idle(page: Page) -> None:
    """The notebook has a kernel, and it waits for work."""
    status = "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    page.wait_for_function(status, timeout=90_000)


def run_all(page: Page) -> None:
    """Run every cell; an error in one is an error here."""
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    texts = page.locator(
        '[data-mime-type="application/vnd.jupyter.error"], [data-mime-type="application/vnd.jupyter.stderr"]'
    )
    assert texts.all_inner_texts() == []


def in_kernel(page: Page, expression: str) -> Any:
    """The value of a Python expression in the notebook's kernel."""
    shown = page.evaluate(
        """async (expression) => {
          const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
          const request = { code: '', silent: true, user_expressions: { value: expression } };
          const reply = await kernel.requestExecute(request).done;
          return reply.content.user_expressions.value;
        }""",
        expression,
    )
    assert shown["status"] == "ok", shown
    return ast.literal_eval(shown["data"]["text/plain"])


def live_panel(page: Page) -> Locator:
    """The panel, once the kernel has answered it."""
    panel = page.locator(".llmlab.live")
    panel.first.wait_for()
    return panel.first


def draws(page: Page) -> int:
    """How many draw messages reached the page since `forget_traffic`."""
    return int(
        page.evaluate("""() => window.traffic.filter((message) =>
          message.way === 'received' && /"kind": ?"draw"/.test(message.text)).length""")
    )


def forget_traffic(page: Page) -> None:
    """Count from here."""
    page.evaluate("() => { window.traffic = []; }")


def rerun(page: Page) -> Locator:
    """Run every cell again, and return the new panel once it is live."""
    page.evaluate("() => document.querySelectorAll('.llmlab').forEach((old) => old.setAttribute('data-old', ''))")
    run_all(page)
    panel = page.locator(".llmlab.live:not([data-old])")
    panel.wait_for()
    return panel


def set_theme(page: Page, theme: str) -> None:
    """Switch to JupyterLab's "Light" or "Dark" theme."""
    page.evaluate(
        "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", f"JupyterLab {theme}"
    )
    page.wait_for_function(
        "(light) => document.body.dataset.jpThemeLight === light", arg="true" if theme == "Light" else "false"
    )
