"""The page put together: template, style, script and data in one file that loads nothing.

A content security policy with the hashes of our own script and style forbids everything else,
so text from commits and logs could not run or fetch even if it were taken for markup.
"""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from importlib.resources import files
from typing import Any


def render(data: dict[str, Any]) -> str:
    """The whole page; `data` is what `data.data` returns."""
    style, script = _asset("page.css"), _asset("page.js")
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    parts = {
        "POLICY": policy,
        "TITLE": escape(str(data["title"])),
        "STYLE": style,
        "DATA": embedded(data),
        "SCRIPT": script,
    }
    page = _asset("page.html")
    head, *rest = page.split("{{")
    found = [head]
    for piece in rest:  # one pass, so that no value is ever searched for names
        name, _, text = piece.partition("}}")
        found += [parts[name], text]
    return "".join(found)


def embedded(data: object) -> str:
    """JSON that is safe inside a script element: nothing in it can end the element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
