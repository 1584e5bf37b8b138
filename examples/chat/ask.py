"""Asks a server with OpenAI's interface and prints the answer as it comes.

    ask.py http://127.0.0.1:8000 "What is Debian?"
"""

from __future__ import annotations

import argparse
import json
import sys
import urllib.error
import urllib.request


def main() -> int:
    parser = argparse.ArgumentParser(description="ask a question, print the streamed answer")
    parser.add_argument("url", help="with or without /v1 at the end")
    parser.add_argument("question")
    parser.add_argument("--model", default="handbook")
    parser.add_argument("--max-tokens", type=int, default=100)
    parser.add_argument("--temperature", type=float, default=0.0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--timeout", type=float, default=60, help="seconds of silence")
    args = parser.parse_args()

    body = {"model": args.model, "stream": True, "max_tokens": args.max_tokens,
            "temperature": args.temperature,
            "messages": [{"role": "user", "content": args.question}]}
    if args.seed is not None:
        body["seed"] = args.seed
    base = args.url.rstrip("/").removesuffix("/v1")
    request = urllib.request.Request(f"{base}/v1/chat/completions", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    said, ended = False, False
    try:
        with urllib.request.urlopen(request, timeout=args.timeout) as response:
            for line in response:
                if not line.startswith(b"data:"):
                    continue
                data = line.removeprefix(b"data:").strip()
                if data == b"[DONE]":
                    ended = True
                    break
                event = json.loads(data)
                if "error" in event:
                    raise ValueError(event["error"].get("message", event["error"]))
                for choice in event.get("choices", []):
                    piece = choice.get("delta", {}).get("content") or ""
                    said = said or bool(piece.strip())
                    print(piece, end="", flush=True)
    except urllib.error.HTTPError as error:
        print(f"ask: {error}: {error.read(2000).decode(errors='replace')}", file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        print(f"ask: {args.url}: {error}", file=sys.stderr)
        return 1
    print(flush=True)
    if not ended or not said:
        print("ask: the answer was empty" if ended else "ask: the answer broke off",
              file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
