"""A process that runs LiteLLM and cannot leave this machine: `python -m llmlab.gateway.verify.cage`.

Its environment is made by whoever starts it (`environment.py`), and holds no secret. On top of that every attempt to
connect, or to resolve a name, is looked at before it is made: only the ports of 127.0.0.1 that it was given are let
through, and the rest is refused and noted. It ends when its standard input closes, or its parent is gone.
"""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

PARENT_CHECK_S = 0.5
LOOPBACK = ("127.0.0.1", "::1", "localhost")
RESOLVING = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
SENDING = ("socket.connect", "socket.sendto", "socket.sendmsg")


class Bars:
    """What an audit hook sees of a connection before it is made. `noted` gets a line for each that is refused."""

    def __init__(self, ports: frozenset[int], noted: Path) -> None:
        self._ports = ports
        self._noted = noted

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in SENDING:
            address = arguments[1]
            if isinstance(address, tuple) and not self._is_let_through(address[0], address[1]):
                self._refuse(f"{address[0]}:{address[1]}", ConnectionRefusedError)
        elif event in RESOLVING:
            host = arguments[0].decode() if isinstance(arguments[0], bytes) else arguments[0]
            if host not in (None, "", *LOOPBACK) and not _is_address(str(host)):
                self._refuse(str(host), socket.gaierror)
        elif event == "socket.bind":
            address = arguments[1]
            if isinstance(address, tuple) and address[0] not in LOOPBACK:
                self._refuse(f"listening on {address[0]}", PermissionError)

    def _is_let_through(self, host: object, port: object) -> bool:
        return host in LOOPBACK and port in self._ports

    def _refuse(self, what: str, error: type[OSError]) -> None:
        with self._noted.open("a", encoding="utf-8") as file:
            file.write(f"{what}\n")
        raise error(f"{what} is outside of what a verification may reach")


def _is_address(host: str) -> bool:
    """Whether this is an address already, which nobody has to be asked for."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def end_with_parent() -> None:
    """End this process as soon as its standard input closes or its parent is another one."""
    parent = os.getppid()

    def wait_for_input() -> None:
        while os.read(0, 4096):
            pass
        os._exit(0)

    def wait_for_parent() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_CHECK_S)
        os._exit(0)

    for wait in (wait_for_input, wait_for_parent):
        threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Read the task from the first line of standard input and do it."""
    line = bytearray()
    while not line.endswith(b"\n"):  # byte by byte: what follows belongs to the thread that waits for the end
        byte = os.read(0, 1)
        if not byte:
            return
        line += byte
    task = json.loads(line)
    end_with_parent()
    sys.addaudithook(Bars(frozenset(task["ports"]), Path(task["noted"])))
    if task["do"] == "serve":
        from .serving import serve

        serve(task["config"], task["port"])
    else:
        from .rehearsal import rehearse

        rehearse(task["config"], task["calls"])


if __name__ == "__main__":
    main()
