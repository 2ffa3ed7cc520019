"""Read the documents of a specification, as YAML, JSON or plain text, from files or from the web."""

from __future__ import annotations

import codecs
import io
import json
import math
import os
import queue
import re
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urldefrag, urlsplit

import httpx
from attrs import frozen
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from .errors import SpecificationError
from .tree import is_list, is_object

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT = 30.0
"""Timeout of each connect, read and write while a document is downloaded, in seconds."""
LONGEST = 120.0
"""All downloads for one specification take at most this many seconds."""
MOST_BYTES = 5_000_000
"""All documents of a specification together have at most this size."""
MOST_DOCUMENTS = 1000
MOST_REDIRECTS = 10
MOST_VALUES = 100_000
"""A specification has at most this many values, where a value that is used twice counts twice."""
MOST_LEVELS = 64
"""Objects and lists are nested at most this deep."""

TEXTS = (".md", ".markdown", ".txt", ".html", ".htm")
"""A document with such a name is a text, and not YAML or JSON."""

# A plain scalar of YAML is something else than a text if JSON has it, or YAML 1.2 in a form that is no surprise. So
# dates, on, yes, 0123, 0x1F and 1_000 are texts.
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOLEAN = re.compile(r"true|True|TRUE|false|False|FALSE")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(
    r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_BREAKS = re.compile(r"[\x85\u2028\u2029\ufeff]")
_KNOWN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("null", "bool", "int", "float", "str", "timestamp", "merge", "value", "map", "seq")
)


class Documents:
    """The documents of one specification. Each is read once, and what they need together is bounded."""

    def __init__(self, client: httpx.Client | None) -> None:
        """Read from the web with `client`, or from files without."""
        self._client = client
        self._known: dict[str, tuple[str, Any]] = {}
        self._bytes = 0
        self._values = 0
        self._end = time.monotonic() + LONGEST

    def get(self, location: str) -> tuple[str, Any]:
        """Return the final location of the document at `location`, which differs after redirects, and its content.

        Raises:
            SpecificationError: the document cannot be read, or is too large. The message begins with its location.

        """
        if location not in self._known:
            final, content = self._read(location)
            self._known[location] = self._known.setdefault(final, (final, content))
        return self._known[location]

    def count(self, name: str, place: tuple[str, ...]) -> None:
        """Count one value at `place` in the document `name`.

        Raises:
            SpecificationError: it has too many values, or they are nested too deep.

        """
        self._values += 1
        if self._values > MOST_VALUES:
            raise SpecificationError(
                f"{name}: the specification has more than {MOST_VALUES:,} values, with aliases and references counted "
                "each time. Split it, or check whether this is the right document."
            )
        if len(place) > MOST_LEVELS:
            raise _too_deep(name, place[:3])

    def _read(self, location: str) -> tuple[str, Any]:
        name = shown(location)
        if len(self._known) >= MOST_DOCUMENTS:
            raise SpecificationError(f"{name}: the specification has more than {MOST_DOCUMENTS} documents.")
        try:
            if self._client is not None:
                final, data = self._in_time(self._client, location)
            else:
                final, data = _file_content(location, MOST_BYTES - self._bytes)
        except (OSError, httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            why = getattr(error, "strerror", None) or _without_dot(error)
            raise SpecificationError(f"{name} cannot be read: {why}.") from error
        self._bytes += len(data)
        text = _decoded(data, name)
        if is_text(location) or is_text(final):
            return final, "\n".join(text.splitlines()) + "\n" if text else ""
        return final, self._parsed(text, name)

    def _in_time(self, client: httpx.Client, location: str) -> tuple[str, bytes]:
        """Download a document in a thread, which can be left alone when the time is over.

        A server can send the header of an answer, byte for byte, for as long as it likes.
        """
        results: queue.SimpleQueue[tuple[str, bytes] | Exception] = queue.SimpleQueue()

        def work() -> None:
            try:
                results.put(self._download(client, location))
            except Exception as error:  # raised again below
                results.put(error)

        threading.Thread(target=work, daemon=True).start()
        try:
            result = results.get(timeout=max(self._end - time.monotonic(), 0))
        except queue.Empty as error:
            raise ValueError(f"the download took more than {LONGEST:.0f} seconds") from error
        if isinstance(result, Exception):
            raise result
        return result

    def _download(self, client: httpx.Client, location: str) -> tuple[str, bytes]:
        url = httpx.URL(location)
        for _ in range(MOST_REDIRECTS + 1):
            # Without compression, the bytes that arrive are the bytes that count.
            with client.stream("GET", url, headers={"Accept-Encoding": "identity"}, follow_redirects=False) as answer:
                following = answer.next_request
                if following is not None:
                    if url.scheme == "https" and following.url.scheme != "https":
                        raise ValueError(f"it redirects from https to {following.url}")
                    url = following.url
                    continue
                if answer.status_code != 200:
                    raise ValueError(f"the server answered {answer.status_code} {answer.reason_phrase}".rstrip())
                if answer.headers.get("Content-Encoding", "identity") != "identity":
                    raise ValueError(f"the server compressed it ({answer.headers['Content-Encoding']}) unasked")
                chunks: list[bytes] = []
                for chunk in answer.iter_raw():
                    chunks.append(chunk)
                    if sum(map(len, chunks)) + self._bytes > MOST_BYTES:
                        raise _too_large()
                return urldefrag(str(url)).url, b"".join(chunks)
        raise ValueError(f"there were more than {MOST_REDIRECTS} redirects")

    def _parsed(self, text: str, name: str) -> Any:
        start = text.lstrip()[:100].lower()
        if start.startswith(("<!doctype html", "<html")):
            raise SpecificationError(
                f"{name} is an HTML page, not a specification. Use the address of the document itself."
            )
        if start.startswith(("{", "[")):
            try:
                value = json.loads(text, object_pairs_hook=_Pairs, strict=False)
                return self._from_json(value, name, ())
            except RecursionError as error:
                raise _too_deep(name, ()) from error
            except ValueError as error:
                if urlsplit(name).path.endswith(".json"):
                    raise SpecificationError(f"{name} is neither YAML nor JSON: {_without_dot(error)}.") from error
        try:
            yaml: Any = YAML(typ="safe", pure=True)
            return self._from_yaml(yaml.compose(io.StringIO(text)), name, ())
        except RecursionError as error:
            raise _too_deep(name, ()) from error
        except YAMLError as error:
            raise SpecificationError(f"{name} is neither YAML nor JSON: {_yaml_problem(error)}.") from error

    def _from_json(self, value: Any, name: str, place: tuple[str, ...]) -> Any:
        self.count(name, place)
        if isinstance(value, _Pairs):
            result: dict[str, Any] = {}
            for raw, item in value.pairs:
                key = _checked(raw, name, place)
                if key in result:
                    raise SpecificationError(f"{_at(name, place)}: the key {key!r} is there twice. Remove one.")
                result[key] = self._from_json(item, name, (*place, key))
            return result
        if is_list(value):
            return [self._from_json(item, name, (*place, str(index))) for index, item in enumerate(value)]
        return _checked(value, name, place)

    def _from_yaml(self, node: Any, name: str, place: tuple[str, ...]) -> Any:
        self.count(name, place)
        if node is None:
            return None
        line = f"line {node.start_mark.line + 1}"
        if str(node.tag) not in _KNOWN_TAGS:
            raise SpecificationError(f"{_at(name, place)}: {line} has the YAML tag {node.tag}. Remove the tag.")
        if node.id == "mapping":
            return self._mapping(node, name, place)
        if node.id == "sequence":
            return [self._from_yaml(item, name, (*place, str(index))) for index, item in enumerate(node.value)]
        try:
            return _checked(_scalar(node), name, place)
        except ValueError as error:
            raise SpecificationError(f"{_at(name, place)}: {line} has a number that is too long.") from error

    def _mapping(self, node: Any, name: str, place: tuple[str, ...]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, item in node.value:
            line = f"line {key_node.start_mark.line + 1}"
            if key_node.id != "scalar":
                raise SpecificationError(f"{_at(name, place)}: {line} has a key that is no text. Write a text.")
            # JSON has only texts as keys: 200, true and 2024-01-01 are the keys as they are written.
            key = _checked(str(key_node.value), name, place)
            if key == "<<" and key_node.style is None:
                parts = self._from_yaml(item, name, (*place, key))
                for part in parts if is_list(parts) else [parts]:
                    if not is_object(part):
                        raise SpecificationError(f"{_at(name, place)}: {line} merges a value that is no object.")
                    merged = {**part, **merged}
                continue
            if key in result:
                raise SpecificationError(f"{_at(name, place)}: {line} has the key {key!r} a second time. Remove one.")
            result[key] = self._from_yaml(item, name, (*place, key))
        return {**merged, **result}


@frozen
class _Pairs:
    """An object of a JSON text, with the keys that it has twice."""

    pairs: list[tuple[str, Any]]


def read(path: Path) -> Any:
    """Return the content of a YAML or JSON file.

    Raises:
        SpecificationError: the file cannot be read, or is neither YAML nor JSON.

    """
    return Documents(None).get(path.absolute().as_uri())[1]


def dump(document: dict[str, Any]) -> str:
    """Return `document` as YAML. The same document always gives the same text."""
    yaml: Any = YAML()
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.ignore_aliases = _yes
    yaml.representer.add_representer(str, _represented)
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def root_in(folder: Path) -> Path:
    """Return the root document of the specification in `folder`.

    The root is the YAML or JSON file with the keys `openapi` (or `swagger`) and `info` that is nearest to `folder`:
    in it, or else in its folders, or else in their folders, and so on. Hidden folders do not count.

    Raises:
        SpecificationError: no such file is there, several are equally near, or the only ones cannot be read.

    """
    found: dict[int, list[Path]] = {}
    unreadable: list[SpecificationError] = []
    for number, path in enumerate(_documents_in(folder)):
        if number >= MOST_DOCUMENTS:
            raise SpecificationError(f"{folder} has more than {MOST_DOCUMENTS} YAML and JSON files. Name the root.")
        depth = len(path.relative_to(folder).parts)
        try:
            if depth <= min(found, default=depth) and _is_root(path):
                found.setdefault(depth, []).append(path)
        except SpecificationError as error:
            unreadable.append(error)
    if not found and unreadable:
        raise unreadable[0]
    if not found:
        raise SpecificationError(
            f"{folder} has no OpenAPI document: no YAML or JSON file with the keys openapi and info is in it."
        )
    nearest = sorted(found[min(found)])
    if len(nearest) > 1:
        names = ", ".join(str(path.relative_to(folder)) for path in nearest[:5])
        raise SpecificationError(f"{folder} has {len(nearest)} OpenAPI documents: {names}. Name one of them.")
    return nearest[0]


def is_url(location: str) -> bool:
    """Whether `location` is on the web."""
    return urlsplit(location).scheme in ("http", "https")


def is_text(location: str) -> bool:
    """Whether the document at `location` is a text, and not YAML or JSON."""
    return urlsplit(location).path.lower().endswith(TEXTS)


def shown(location: str) -> str:
    """Return the path of a file, or the URL of a document on the web without a password, for a message."""
    if "://" not in location:
        return location
    return unquote(re.sub(r"://[^/?#]*@", "://", location.removeprefix("file://")))


def _too_large() -> ValueError:
    return ValueError(f"the documents of the specification have more than {MOST_BYTES:,} bytes")


def _file_content(location: str, most: int) -> tuple[str, bytes]:
    parts = urlsplit(location)
    if parts.scheme != "file" or parts.netloc:
        raise ValueError("it is neither a file nor at an http or https address")
    path = Path(unquote(parts.path)).resolve()
    if path.exists() and not path.is_file():
        raise ValueError("it is no file")
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise _too_large()
    return path.as_uri(), data


def _decoded(data: bytes, name: str) -> str:
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise SpecificationError(
            f"{name} is neither YAML nor JSON: byte {error.start + 1} is no UTF-8 text. Save the document as UTF-8."
        ) from error


def _documents_in(folder: Path) -> Iterator[Path]:
    for directory, inner, names in os.walk(folder):
        inner[:] = sorted(name for name in inner if not name.startswith(".") and name != "node_modules")
        for name in sorted(names):
            path = Path(directory, name)
            if name.endswith((".yaml", ".yml", ".json")) and path.is_file():  # a pipe would never end
                yield path


def _is_root(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1).replace(b"\0", b"")  # UTF-16 has a zero in each ASCII letter
    except OSError:
        return False
    # Most files are no roots, and parsing takes long.
    if not (re.search(rb"\binfo\b", data) and re.search(rb"\b(openapi|swagger)\b", data)):
        return False
    content = read(path)
    return is_object(content) and "info" in content and not content.keys().isdisjoint(("openapi", "swagger"))


def _scalar(node: Any) -> Any:
    text = str(node.value)
    if node.style is not None or str(node.tag).endswith(":str"):
        return text
    if _NULL.fullmatch(text):
        return None
    if _BOOLEAN.fullmatch(text):
        return text.lower() == "true"
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _checked(value: Any, name: str, place: tuple[str, ...]) -> Any:
    """Return a text or a number as JSON has it. Escaped surrogates become the characters that they mean."""
    if isinstance(value, float) and not math.isfinite(value):
        raise SpecificationError(f"{_at(name, place)}: {value} is no number of JSON. Write a number.")
    if not isinstance(value, str):
        return value
    try:
        return value.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as error:
        raise SpecificationError(
            f"{_at(name, place)}: {ascii(value)[:80]} has half of an escaped character (a lone surrogate). "
            "Write the whole character."
        ) from error


def _too_deep(name: str, place: tuple[str, ...]) -> SpecificationError:
    return SpecificationError(
        f"{_at(name, place)}: values are nested more than {MOST_LEVELS} levels deep, or contain themselves. "
        "Make the document flatter."
    )


def _yaml_problem(error: YAMLError) -> str:
    mark: Any = getattr(error, "problem_mark", None)
    if mark is not None:
        return f"line {mark.line + 1}, column {mark.column + 1}: {getattr(error, 'problem', '')}"
    return " ".join(str(error).split())[:200]


def _without_dot(error: object) -> str:
    return str(error).rstrip(".")


def _at(name: str, place: tuple[str, ...]) -> str:
    return f"{name} at {'.'.join(place)}" if place else name


def _represented(representer: Any, text: str) -> Any:
    # Without quotes and escapes, these characters would be read as the end of a line or as nothing.
    style = '"' if _BREAKS.search(text) else None
    return representer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _yes(_: object) -> bool:
    return True
