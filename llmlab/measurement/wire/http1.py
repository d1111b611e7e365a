"""The body of an HTTP/1.1 response out of its raw bytes, each part with the time at which it arrived."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import h11

ENCODINGS = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


class UnreadableError(Exception):
    """The bytes are no HTTP/1.1 response, or one in an encoding that cannot be undone here."""


class ResponseReader:
    """Fed with bytes as they arrived; `status` is `None` until the head is whole, `complete` says that the body is."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.complete = False
        self._http = h11.Connection(h11.CLIENT)
        self._http.send(h11.Request(method="POST", target="/", headers=[("Host", "unknown"), ("Content-Length", "0")]))
        self._http.send(h11.EndOfMessage())
        self._unzip: zlib._Decompress | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The parts of the body that `data` completes; empty bytes tell it that the connection was closed.

        Raises `UnreadableError`; what was given before holds.
        """
        try:
            self._http.receive_data(data)
            while True:
                match self._http.next_event():
                    case h11.Response() as response:
                        self._begin(response)
                    case h11.Data(data=part):
                        yield self._unzip.decompress(bytes(part)) if self._unzip else bytes(part)
                    case h11.EndOfMessage():
                        self.complete = True
                    case h11.InformationalResponse():
                        continue
                    case _:  # it needs more, or there will be no more
                        return
        except (h11.RemoteProtocolError, zlib.error) as e:
            raise UnreadableError(str(e)) from e

    def _begin(self, response: h11.Response) -> None:
        self.headers = {name.decode(): value.decode("latin-1") for name, value in response.headers}
        encoding = self.headers.get("content-encoding", "identity").lower()
        if encoding in ENCODINGS:
            self._unzip = zlib.decompressobj(ENCODINGS[encoding])
        elif encoding != "identity":
            raise UnreadableError(f"content-encoding {encoding}")
        self.status = response.status_code
