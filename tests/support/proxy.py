"""A server in front of the demo that offers it under a folder, as a reverse proxy does."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


@contextmanager
def behind_proxy(url: str, prefix: str) -> Iterator[str]:
    """Yield the address under which the demo at url is offered: its path is prefix."""
    target = urlsplit(url)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def forward(self) -> None:
            if not self.path.startswith(f"{prefix}/"):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            own = {k: v for k, v in self.headers.items() if k.lower() not in HOP | {"host"}}
            own |= {"Host": self.headers["Host"], "Accept-Encoding": "identity"}
            upstream = http.client.HTTPConnection(target.hostname, target.port, timeout=300)
            upstream.request(self.command, self.path.removeprefix(prefix), body or None, own)
            answer = upstream.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP:
                    self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            while chunk := answer.read1(65536):
                self.wfile.write(chunk)
                self.wfile.flush()
            upstream.close()

        do_GET = do_POST = do_HEAD = forward

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{prefix}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
