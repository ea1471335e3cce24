"""A model server on 127.0.0.1 that plays a script, in the form of OpenAI's Responses API."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FakeModel:
    """Answers each request with the next step: one of run, patch, js and say, with its text."""

    def __init__(self, steps: list[dict[str, str]]) -> None:
        self.steps = list(steps)
        self.requests: list[dict[str, Any]] = []
        self.lock = threading.Lock()
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                events = model.answer(json.loads(body)) if self.path.endswith("responses") else []
                text = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events)
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def do_GET(self) -> None:
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v1"

    def __enter__(self) -> FakeModel:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        with self.lock:
            number = len(self.requests)
            self.requests.append(request)
            step = self.steps.pop(0) if self.steps else {"say": "the script is at its end"}
        usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
        done = {"id": f"resp_{number}", "usage": usage}
        return [
            {"type": "response.created", "response": {"id": f"resp_{number}"}},
            {"type": "response.output_item.done", "item": _item(step, f"call_{number}")},
            {"type": "response.completed", "response": done},
        ]

    def outputs(self) -> list[str]:
        """What each tool call gave back, in order."""
        found = {}
        for request in self.requests:
            for item in request["input"]:
                if item.get("type", "").endswith("_call_output"):
                    found[item["call_id"]] = json.dumps(item["output"])
        return [found[key] for key in sorted(found, key=lambda k: int(k.rpartition("_")[2]))]

    def messages(self, role: str) -> list[str]:
        """The messages of a role in the last request."""
        found = []
        for item in self.requests[-1]["input"]:
            if item.get("type") == "message" and item.get("role") == role:
                found += [part.get("text", "") for part in item["content"]]
        return found


def _item(step: dict[str, str], call: str) -> dict[str, Any]:
    if "run" in step:
        arguments = {"cmd": step["run"], "login": False, "yield_time_ms": 30000}
        return {
            "type": "function_call",
            "call_id": call,
            "name": "exec_command",
            "arguments": json.dumps(arguments),
        }
    if "js" in step:  # the one tool of models that call tools from a script
        return {"type": "custom_tool_call", "call_id": call, "name": "exec", "input": step["js"]}
    if "patch" in step:
        return {
            "type": "custom_tool_call",
            "call_id": call,
            "name": "apply_patch",
            "input": step["patch"],
        }
    content = [{"type": "output_text", "text": step["say"]}]
    return {"type": "message", "role": "assistant", "id": f"msg_{call}", "content": content}
