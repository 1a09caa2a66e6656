"""One request to the bridge, and what is wrong with its answer."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

import httptools
import orjson

#: Seconds in which a whole request is answered, whatever else the machine does.
PATIENCE = 20.0
#: Seconds for which a stream is read, or what is no whole request is waited for.
_GLANCE = 0.15
_INTERNAL = -32603
#: A method, or a version of HTTP, that is not served is 501 or 505.
_BROKEN = frozenset((500, 502, 504))


@dataclass
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""
    complete: bool = False
    bodiless: bool = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field."""
        if not self.complete:
            self.headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        """Take a part of the body; what comes after the end is another answer."""
        if not self.complete:
            self.body += body

    def on_headers_complete(self) -> None:
        """Take the end of the head: there is no more to the answer to HEAD."""
        self.complete = self.complete or self.bodiless

    def on_message_complete(self) -> None:
        """Take the end."""
        self.complete = True

    @property
    def streams(self) -> bool:
        """Tell whether it is a stream of events."""
        return self.headers.get(b"content-type", b"").startswith(b"text/event-stream")


async def ask(port: int, data: bytes, *, whole: bool) -> tuple[Answer, str]:
    """Send bytes on a connection of their own; return the answer, and what is wrong or ""."""
    answer = Answer(bodiless=data.startswith(b"HEAD "))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        if not whole:
            with suppress(OSError, RuntimeError):
                writer.write_eof()
        wrong = await _read(reader, answer, whole)
    except OSError:
        wrong = ""  # it was sent away before it had said all
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    return answer, wrong or verdict(answer)


async def _read(reader: asyncio.StreamReader, answer: Answer, whole: bool) -> str:
    parser = httptools.HttpResponseParser(answer)
    end = asyncio.get_running_loop().time() + (PATIENCE if whole else _GLANCE)
    try:
        while not answer.complete:
            if answer.streams:
                end = min(end, asyncio.get_running_loop().time() + _GLANCE)
            async with asyncio.timeout_at(end):
                part = await reader.read(65_536)
            if not part:
                return ""
            parser.feed_data(part)
            answer.status = answer.status or parser.get_status_code()
    except TimeoutError:
        return f"no answer in {PATIENCE:g} s" if whole and not answer.streams else ""
    except httptools.HttpParserError as error:
        # After the answer to HEAD the parser waits for a body, whatever comes.
        return "" if answer.bodiless else f"the answer is no HTTP: {error}"
    return ""


def verdict(answer: Answer) -> str:
    """Return what no answer may be: a status 500, an internal error, or what is no answer."""
    if answer.status in _BROKEN:
        return f"status {answer.status}: {answer.body[:300]!r}"
    if not answer.complete or answer.streams:
        return "" if b"-32603" not in answer.body else f"internal error: {answer.body[:300]!r}"
    if answer.headers.get(b"content-type", b"") != b"application/json" or not answer.body:
        return ""
    try:
        said = orjson.loads(answer.body)
    except ValueError:
        return f"the body is no JSON: {answer.body[:300]!r}"
    for each in said if isinstance(said, list) else [said]:
        if not isinstance(each, dict) or "jsonrpc" not in each:
            continue
        if ("result" in each) == ("error" in each):
            return f"neither result nor error: {answer.body[:300]!r}"
        if each.get("error", {}).get("code") == _INTERNAL:
            return f"internal error: {answer.body[:300]!r}"
    return ""
