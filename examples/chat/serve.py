"""The trained model behind OpenAI's HTTP interface, on the standard library's server.

    serve.py --model DIR --port N

    GET  /health  /v1/models
    POST /v1/completions  /v1/chat/completions      also with "stream": true
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch

from answer import Request, Usage, answer, as_prompt
from bpe import Vocabulary
from model import GPT

MAX_BODY = 1 << 20
MAX_TOKENS = 1024
MODEL_NAME = "handbook"


class Refused(Exception):
    def __init__(self, status: int, message: str, param: str | None = None):
        super().__init__(message)
        self.status = status
        self.param = param

    def body(self) -> dict[str, Any]:
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": None}}


def number(body: dict[str, Any], name: str, default: float, low: float, high: float,
           whole: bool = False) -> Any:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        kind = "an integer" if whole else "a number"
        raise Refused(400, f"'{name}' must be {kind}, not {json.dumps(value)[:80]}", name)
    if not low <= value <= high:
        raise Refused(400, f"'{name}' must be between {low} and {high}, not {value}", name)
    return value


def text_of(content: Any, name: str) -> str:
    """A message's content: a text, or a list of parts of which those of text count."""
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        content = "".join(str(p.get("text", "")) for p in content if p.get("type") == "text")
    if not isinstance(content, str) or not content.strip():
        raise Refused(400, f"'{name}' must be a text that is not empty", name)
    return content


def last_question(body: dict[str, Any]) -> str:
    """What the user said last: the model knows single questions, not conversations."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not all(isinstance(m, dict) for m in messages):
        raise Refused(400, "'messages' must be a list of objects with role and content", "messages")
    for message in reversed(messages):
        if message.get("role") == "user":
            return text_of(message.get("content"), "messages")
    raise Refused(400, "'messages' holds no message of the role user", "messages")


def request_of(body: dict[str, Any], chat: bool) -> Request:
    stop = body.get("stop")
    words = [] if stop is None else [stop] if isinstance(stop, str) else stop
    if not isinstance(words, list) or len(words) > 4 or \
            not all(isinstance(w, str) and w for w in words):
        raise Refused(400, "'stop' must be a text or a list of at most 4 texts", "stop")
    if not isinstance(body.get("stream", False), (bool, type(None))):
        raise Refused(400, "'stream' must be true or false", "stream")
    if number(body, "n", 1, 1, 128, whole=True) != 1:
        raise Refused(400, "only one answer a request: 'n' must be 1", "n")
    limit = "max_completion_tokens" if "max_completion_tokens" in body else "max_tokens"
    return Request(
        prompt=as_prompt(last_question(body)) if chat else text_of(body.get("prompt"), "prompt"),
        max_tokens=number(body, limit, 60, 1, MAX_TOKENS, whole=True),
        temperature=number(body, "temperature", 0.7, 0, 2),
        seed=number(body, "seed", None, -2**63, 2**63 - 1, whole=True),
        stop=words)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds that a silent client may hold a thread
    model: GPT
    vocabulary: Vocabulary
    began: int

    def do_GET(self) -> None:
        if self.path == "/health":
            self._json(200, {"status": "ok"})
        elif self.path == "/v1/models":
            self._json(200, {"object": "list", "data": [
                {"id": MODEL_NAME, "object": "model", "created": self.began, "owned_by": "you"}]})
        else:
            self._refuse(Refused(404, f"nothing is at {self.path}"))

    def do_POST(self) -> None:
        try:
            body = self._body()
            if self.path not in ("/v1/completions", "/v1/chat/completions"):
                raise Refused(404, f"nothing is at {self.path}")
            chat = self.path == "/v1/chat/completions"
            request = request_of(body, chat)
        except Refused as refused:
            self._refuse(refused)
            return
        try:
            self._stream(request, body, chat) if body.get("stream") else self._whole(request, chat)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True  # the client has left: so does the answer

    def _body(self) -> dict[str, Any]:
        # Until the body is read, what follows on this connection is not a request.
        self.close_connection, keep = True, self.close_connection
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise Refused(411, "the request needs a Content-Length")
        if int(length) > MAX_BODY:
            raise Refused(413, f"the request is larger than {MAX_BODY} bytes")
        raw = self.rfile.read(int(length))
        self.close_connection = keep
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise Refused(400, f"the request is not JSON: {error}") from None
        if not isinstance(body, dict):
            raise Refused(400, "the request must be a JSON object")
        return body

    def _whole(self, request: Request, chat: bool) -> None:
        usage = Usage()
        text = "".join(answer(self.model, self.vocabulary, request, usage))
        said = {"message": {"role": "assistant", "content": text.strip()}} if chat \
            else {"text": text}
        self._json(200, {**self._head(chat, chunk=False),
                         "choices": [self._choice(said, usage.finish_reason)],
                         "usage": self._usage(usage)})

    def _stream(self, request: Request, body: dict[str, Any], chat: bool) -> None:
        options = body.get("stream_options")
        with_usage = isinstance(options, dict) and options.get("include_usage") is True
        head, usage = self._head(chat, chunk=True), Usage()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Connection", "close")  # the end of the stream is the connection's end
        self.end_headers()
        if chat:
            said: dict[str, Any] = {"role": "assistant", "content": ""}
            self._event({**head, "choices": [self._choice({"delta": said}, None)]})
        first = True
        for piece in answer(self.model, self.vocabulary, request, usage):
            piece, first = piece.lstrip() if chat and first else piece, False
            said = {"delta": {"content": piece}} if chat else {"text": piece}
            self._event({**head, "choices": [self._choice(said, None)]})
        said = {"delta": {}} if chat else {"text": ""}
        self._event({**head, "choices": [self._choice(said, usage.finish_reason)]})
        if with_usage:
            self._event({**head, "choices": [], "usage": self._usage(usage)})
        self.wfile.write(b"data: [DONE]\n\n")

    def _head(self, chat: bool, chunk: bool) -> dict[str, Any]:
        kind = ("chat.completion.chunk" if chunk else "chat.completion") if chat \
            else "text_completion"
        return {"id": f"{'chatcmpl' if chat else 'cmpl'}-{uuid.uuid4().hex[:24]}", "object": kind,
                "created": int(time.time()), "model": MODEL_NAME}

    def _choice(self, said: dict[str, Any], reason: str | None) -> dict[str, Any]:
        return {"index": 0, **said, "logprobs": None, "finish_reason": reason}

    def _usage(self, usage: Usage) -> dict[str, int]:
        return {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens,
                "total_tokens": usage.prompt_tokens + usage.completion_tokens}

    def _event(self, content: dict[str, Any]) -> None:
        self.wfile.write(b"data: " + json.dumps(content).encode() + b"\n\n")

    def _refuse(self, refused: Refused) -> None:
        self._json(refused.status, refused.body())

    def _json(self, status: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, form: str, *args: Any) -> None:
        print(f"{self.address_string()} {form % args}", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="serve the trained model")
    parser.add_argument("--model", type=Path, required=True, help="folder that train.py wrote")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    args = parser.parse_args()

    torch.set_num_threads(1)
    Handler.model = GPT.load(args.model / "model.pt")
    Handler.vocabulary = Vocabulary.load(args.model / "vocab.json")
    Handler.began = int(time.time())
    server = ThreadingHTTPServer((args.host, args.port), Handler)
    server.daemon_threads = False  # answers that have begun are ended before the process is

    def on_term(signum: int, frame: object) -> None:
        # shutdown() waits for the loop that this very thread runs: another thread must ask.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, on_term)
    signal.signal(signal.SIGINT, on_term)
    print(f"serving {MODEL_NAME} at http://{args.host}:{server.server_address[1]}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
