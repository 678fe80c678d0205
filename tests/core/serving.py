"""A classifier service on loopback that speaks either protocol."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GOOD = {
    "intent": "order_status",
    "confidence": 0.9,
    "alternatives": [{"intent": "refund_request", "confidence": 0.05}],
}


class Service:
    """A service on loopback that records requests and sends scripted responses."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Callable[[Any], tuple[int, bytes]] = lambda _: (200, json.dumps(GOOD).encode())
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service.asked.append(body)
                service.headers.append({k.lower(): v for k, v in self.headers.items()})
                status, content = service.answer(body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/classify"


def chat_answer(content: object, **more: object) -> Callable[[Any], tuple[int, bytes]]:
    text = content if isinstance(content, str) else json.dumps(content)
    body = {"choices": [{"message": {"role": "assistant", "content": text}}], **more}
    return lambda _: (200, json.dumps(body).encode())
