"""A web server on this machine that can misbehave in every way a download meets."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Server:
    """``files`` by path; ``faults`` by path: what to do wrong, once each, in order. ``asked``: (path, range header)."""

    def __init__(self):
        self.files, self.faults, self.asked = {}, {}, []
        self.ranges = True
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.answer(self)

            def log_message(self, *_):
                pass

        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._httpd.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._httpd.server_port}"

    def close(self):
        self._httpd.shutdown()
        self._httpd.server_close()

    def answer(self, handler):
        path, wanted = handler.path, handler.headers.get("Range")
        self.asked.append((path, wanted))
        fault = self.faults.get(path, []).pop(0) if self.faults.get(path) else None
        if path not in self.files or isinstance(fault, int):
            handler.send_error(fault if isinstance(fault, int) else 404)
            return
        body, start = self.files[path], 0
        if wanted and self.ranges:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(body):
                handler.send_error(416)
                return
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(body) - start))
        handler.end_headers()
        rest = body[start:]
        handler.wfile.write(rest[: len(rest) // 2] if fault == "break off" else b"x" * len(rest) if fault == "garbage" else rest)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    made = Server()
    yield made
    made.close()
