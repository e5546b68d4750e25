"""Shows docs/openapi.yaml and docs/asyncapi.yaml as one page at the gateway's address `/docs`. Production has none.

The documents are read for each request, so that who edits them sees what has changed.
"""

import asyncio
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

import yaml

from local.built_page import refuse_method
from socket_gateway.asgi_http import Scope, Send, respond

PATH = "/docs"
FOLDER = Path(__file__).resolve().parent.parent / "docs"
_CODE = re.compile(r"`([^`]+)`")
_METHODS = ("get", "post", "put", "patch", "delete")
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24 }
code, pre { font: 14px/1.45 ui-monospace, monospace; background: #f3f4f6; border-radius: 4px }
code { padding: 1px 4px } pre { padding: 12px; overflow: auto } h2 { margin-top: 3rem } section { margin: 2rem 0 }
h3 { border-top: 1px solid #d0d7de; padding-top: 1rem } nav ul { columns: 2 } dd { margin: 0 0 .4rem 1.5rem }
a { color: #0a5bb8 } small { color: #57606a } dd p { margin: 0 } :target h3 { background: #fff8c5 }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
Part = Mapping[str, Any]


class DocsPage:
    """Serves the page."""

    def has(self, path: str) -> bool:
        return path.rstrip("/") == PATH

    async def __call__(self, scope: Scope, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await refuse_method(send, "GET, HEAD")
            return
        body = (await asyncio.to_thread(page)).encode()
        headers = {"cache_control": "no-store", "content_security_policy": _POLICY}
        await respond(send, 200, body, "text/html; charset=utf-8", **headers)


def page(folder: Path = FOLDER) -> str:
    """Returns the page of the documents in a folder."""
    documents = [_Document(prefix, _read(folder / f"{prefix}.yaml")) for prefix in ("openapi", "asyncapi")]
    entries = "".join(f'<li><a href="#{anchor}">{name}</a></li>' for it in documents for anchor, name in it.index())
    head = f'<meta charset="utf-8"><title>BraidSter Payments</title><style>{_STYLE}</style>'
    body = "".join("".join(it.html()) for it in documents)
    return f'<!doctype html><html lang="en"><head>{head}</head><body><nav><ul>{entries}</ul></nav>{body}</body></html>'


def _read(file: Path) -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: dict[str, Any] = yaml.load(file.read_text("utf-8"), loader)  # noqa: S506 - it is a safe one
    return document


class _Document:
    """Writes one document as HTML. `prefix`: what its anchors begin with."""

    def __init__(self, prefix: str, content: Part) -> None:
        self._prefix = prefix
        self._content = content

    def index(self) -> Iterator[tuple[str, str]]:
        """Yields the anchor and the name of each operation and each message."""
        for method, path, operation in self._operations():
            yield self._anchor(operation["operationId"]), f"<code>{method} {escape(path)}</code>"
        for _, name in self._messages():
            yield self._anchor(name), f"<code>{escape(name)}</code>"

    def html(self) -> Iterator[str]:
        info = self._content["info"]
        yield f"<h1>{escape(info['title'])}</h1>{_text(info)}"
        for method, path, operation in self._operations():
            yield from self._operation(f"{method} {path}", operation)
        seen = None
        for channel, name in self._messages():
            if channel != seen:
                yield f"<h2>Channel <code>{escape(channel)}</code></h2>{_text(self._content['channels'][channel])}"
            seen = channel
            message = self._content["components"]["messages"][name]
            payload = self._schema(message["payload"])
            yield f"<section id='{self._anchor(name)}'><h3>{escape(name)}</h3>{_text(message)}{payload}</section>"
        yield f"<h2>Schemas of {escape(info['title'])}</h2>"
        for name, schema in self._content["components"]["schemas"].items():
            anchor = self._anchor(f"schemas-{name}")
            yield f"<section id='{anchor}'><h3>{escape(name)}</h3>{_text(schema)}{self._schema(schema)}</section>"

    def _operations(self) -> Iterator[tuple[str, str, Part]]:
        for path, item in self._content.get("paths", {}).items():
            yield from ((method.upper(), path, item[method]) for method in _METHODS if method in item)

    def _messages(self) -> Iterator[tuple[str, str]]:
        for channel, content in self._content.get("channels", {}).items():
            yield from ((channel, name) for name in content["messages"])

    def _operation(self, title: str, operation: Part) -> Iterator[str]:
        yield f"<section id='{self._anchor(operation['operationId'])}'><h3><code>{escape(title)}</code></h3>"
        yield f"{_text(operation)}<p>Who: {_either(' and '.join(it) or 'anyone' for it in operation['security'])}</p>"
        if parameters := [self._resolved(it) for it in operation.get("parameters", [])]:
            yield "<h4>Parameters</h4><dl>"
            for it in parameters:
                place = f"{it['in']}{', required' if it.get('required') else ''}"
                kind = self._type(it["schema"])
                yield f"<dt><code>{escape(it['name'])}</code> <small>{place}, {kind}</small></dt><dd>{_text(it)}</dd>"
            yield "</dl>"
        if "requestBody" in operation:
            yield "<h4>Body</h4>"
            yield from self._content_of(operation["requestBody"])
        for status, said in operation["responses"].items():
            answer = self._resolved(said)
            yield f"<h4>{status}</h4>{_text(answer)}"
            yield from self._content_of(answer)
        yield "</section>"

    def _content_of(self, part: Part) -> Iterator[str]:
        """Yields each content type of a body, its schema and its examples."""
        for content_type, media in part.get("content", {}).items():
            yield f"<p><small>{escape(content_type)}</small> {self._schema(media['schema'])}</p>"
            examples = [self._resolved(it)["value"] for it in media.get("examples", {}).values()]
            for example in [*examples, *([media["example"]] if "example" in media else [])]:
                yield f"<pre>{escape(json.dumps(example, indent=2, ensure_ascii=False, default=str))}</pre>"

    def _schema(self, schema: Part) -> str:
        """Returns a schema's type and, of what has fields, each of them."""
        parts = [schema, *schema.get("allOf", []), schema.get("items", {})]
        fields = "".join(self._field(part, *it) for part in parts for it in part.get("properties", {}).items())
        return self._type(schema) + (f"<dl>{fields}</dl>" if fields else "")

    def _field(self, schema: Part, name: str, field: Any) -> str:
        if not isinstance(field, dict):  # false: it must not be there
            return ""
        needed = ", required" if name in schema.get("required", []) else ""
        shown = f"<dt><code>{escape(name)}</code><small>{needed}</small></dt>"
        return f"{shown}<dd>{_text(field)}{self._schema(field)}</dd>"

    def _type(self, schema: Part) -> str:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return f'<a href="#{self._anchor(f"schemas-{name}")}">{escape(name)}</a>'
        if "const" in schema or "enum" in schema:
            values = schema.get("enum", [schema.get("const")])
            return _either(f"<code>{escape(json.dumps(it))}</code>" for it in values)
        if several := schema.get("oneOf") or schema.get("anyOf"):
            return _either(self._type(it) for it in several)
        if "allOf" in schema:
            return ", and ".join(self._type(it) for it in schema["allOf"])
        kinds = schema.get("type", "any")
        named = _either(kinds if isinstance(kinds, list) else [kinds])
        return f"{named} of {self._type(schema['items'])}" if "items" in schema else named

    def _resolved(self, part: Part) -> Part:
        place: Any = self._content
        for step in part["$ref"].removeprefix("#/").split("/") if "$ref" in part else ():
            place = place[step]
        return place if "$ref" in part else part

    def _anchor(self, name: str) -> str:
        return escape(f"{self._prefix}-{name}")


def _either(words: Iterable[str]) -> str:
    return " or ".join(words)


def _text(part: Part) -> str:
    """Returns a part's summary and description."""
    said = (_CODE.sub(r"<code>\1</code>", escape(part[name])) for name in ("summary", "description") if name in part)
    return "".join(f"<p>{it}</p>" for it in said)
