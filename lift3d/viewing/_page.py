"""One HTML page from the template files beside this one: nothing is loaded from anywhere.

The data sit in a JSON block in which ``<``, ``>`` and ``&`` are written as escapes, so that no name can end it. The
page's own content security policy allows exactly the one script and the one style sheet by their hashes, and
pictures given as data; anything else, and all network, is refused by the browser.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["iframe", "page_html"]

_FOLDER = Path(__file__).parent
_SCRIPTS = ("page_geometry.js", "page_bodies.js", "page_stage.js", "page_panels.js", "page.js")


def page_html(data: dict[str, Any]) -> str:
    """The page that shows ``data``, see ``_page_data``."""
    script = "\n".join(_read(name) for name in _SCRIPTS)
    style = _read("page.css")
    policy = f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    parts = {
        "title": html.escape(str(data["title"])),
        "policy": html.escape(policy),
        "style": style,
        "data": _json(data),
        "script": script,
    }
    page = _read("page.html")
    pieces = page.split("@@")  # text, name, text, name, ... : what is put in is never searched again
    return "".join(parts[piece] if i % 2 else piece for i, piece in enumerate(pieces))


def iframe(page: str, title: str, height: int = 620) -> str:
    """The page inside a frame that may run scripts and nothing else, for a notebook's cell."""
    return (
        f'<iframe srcdoc="{html.escape(page, quote=True)}" sandbox="allow-scripts" width="100%" height="{height}" '
        f'style="border:0;border-radius:8px" title="{html.escape(title, quote=True)}"></iframe>'
    )


def _json(data: dict[str, Any]) -> str:
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)  # ASCII only: safe in any page
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
