"""Start an isolated JupyterLab on loopback, and drive it.

Nothing of the person who runs the tests is read or written: settings, kernels and workspaces live under a temporary
home. The server is its own process group, ended by its own id.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
START_SECONDS = 90
CHROMIUM = os.environ.get("LLMLAB_CHROMIUM", "/usr/bin/chromium")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--no-first-run",
]

# A quiet Lab: no news, no update check, every cell in the page, nothing saved but what a test saves.
SETTINGS: dict[str, dict[str, Any]] = {
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
    "@jupyter-widgets/jupyterlab-manager/plugin": {"saveState": True},
}


@dataclass(frozen=True)
class LabServer:
    """A running JupyterLab and the folder its notebooks are in."""

    base_url: str
    token: str
    root: Path

    def notebook_url(self, name: str) -> str:
        """Opens the notebook in an empty workspace."""
        return f"{self.base_url}/lab/workspaces/tests/tree/{name}?reset&token={self.token}"


@contextlib.contextmanager
def lab_server(root: Path, home: Path) -> Iterator[LabServer]:
    """A JupyterLab serving `root`, until the block ends."""
    token, port = secrets.token_hex(16), _free_port()
    server = LabServer(f"http://127.0.0.1:{port}", token, root)
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *(f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root}", "--ServerApp.terminals_enabled=False"),
        "--LabApp.expose_app_in_browser=True",  # window.jupyterapp
    ]
    log_path = home / "lab.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command, env=_isolated(home), cwd=root, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            _wait_until_it_answers(server, process, log_path)
            yield server
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _isolated(home: Path) -> dict[str, str]:
    """The environment of a server whose settings are SETTINGS and whose kernels can import the project and its demo."""
    settings = home / "user-settings"
    for name, value in SETTINGS.items():
        path = settings / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
    return os.environ | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
        "LLMLAB_RUNS": str(home / "runs"),
        "JUPYTER_PLATFORM_DIRS": "1",
        "PYTHONPATH": os.pathsep.join([str(PROJECT), str(PROJECT / "tests" / "widgets")]),
    }


def _wait_until_it_answers(server: LabServer, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{server.base_url}/api?token={server.token}", timeout=2)
            return
        time.sleep(0.25)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")
