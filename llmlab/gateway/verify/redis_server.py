"""A Redis of the verification's own, where `redis-server` is installed: alive for the drills, then dead for one."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import weakref
from pathlib import Path

from .proxy import free_port

STARTS_WITHIN_S = 5.0
ENDS_WITHIN_S = 3.0
# Redis does not look whether its parent lives. This does, and Linux ends what it started with it.
KEEPER = """
import ctypes, os, signal, subprocess, sys
def die_with_parent():
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
child = subprocess.Popen(sys.argv[1:], preexec_fn=die_with_parent, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
while os.read(0, 4096):
    pass
child.kill()
child.wait()
"""


class Redis:
    """A Redis on a free port of 127.0.0.1 that keeps nothing; it is not started where none is installed."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._end: weakref.finalize[..., Redis] | None = None
        self._asked = 0

    def start(self) -> None:
        """Start it, and wait until it answers."""
        program = shutil.which("redis-server")
        if program is None:
            return
        options = f"--port {self.port} --bind 127.0.0.1 --appendonly no --dir".split()
        process = subprocess.Popen(  # noqa: S603  a program of this machine, with arguments of ours
            [sys.executable, "-I", "-c", KEEPER, program, *options, str(self._folder), "--save", ""],
            stdin=subprocess.PIPE,
            env={"PATH": "/usr/bin:/bin"},
        )
        self._end = weakref.finalize(self, _stop, process)
        self._asked = 0
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not self.alive and time.monotonic() < deadline:
            time.sleep(0.02)

    @property
    def alive(self) -> bool:
        return self._end is not None and self._end.alive and self._ask("PING") == "+PONG"

    @property
    def connections(self) -> int:
        """How often somebody else has connected since it was started."""
        told = self._ask("INFO stats")
        found = [line for line in told.splitlines() if line.startswith("total_connections_received:")]
        return int(found[0].partition(":")[2]) - self._asked if found else 0

    def close(self) -> None:
        """End it, at once."""
        if self._end is not None:
            self._end()

    def _ask(self, command: str) -> str:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                self._asked += 1
                connection.sendall(f"{command}\r\nQUIT\r\n".encode())
                said = b"".join(iter(lambda: connection.recv(65_536), b"")).decode()
        except OSError:
            return ""
        return said.removesuffix("+OK\r\n").strip()


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
