"""Gets an OpenAPI document from where it is: a file, or a URL that the user named."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx2

from mcpmesh.adopt.openapi_document import MAX_BYTES, Document, read_document
from mcpmesh.adopt.upstream import UpstreamFailed
from mcpmesh.errors import InvalidCall

_TIMEOUT = 30.0


async def load_document(where: str, beside: Sequence[str], headers: Mapping[str, str]) -> Document:
    """Read a document, and those listed beside it that it may refer to by their last names.

    `headers` go with requests for a document at a URL.
    Raises: UpstreamFailed; final for what is no document.
    """
    encoded = await _load(where, headers)
    others = {name.rpartition("/")[2]: await _load(name, headers) for name in beside}
    try:
        # In a thread: large documents take seconds.
        return await asyncio.to_thread(read_document, encoded, where, others)
    except InvalidCall as error:
        raise UpstreamFailed(error.message, final=True) from error


def is_url(where: str) -> bool:
    """Tell a URL from the path of a file."""
    return where.startswith(("http://", "https://"))


async def _load(where: str, headers: Mapping[str, str]) -> bytes:
    if is_url(where):
        return await _fetch(where, headers)
    return await asyncio.to_thread(_read, Path(where))


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UpstreamFailed(f"{path} has more than {MAX_BYTES} bytes", final=True)
        return path.read_bytes()
    except OSError as error:
        raise UpstreamFailed(f"cannot read {path}: {error.strerror}", final=True) from error


async def _fetch(url: str, headers: Mapping[str, str]) -> bytes:
    try:
        async with (
            asyncio.timeout(_TIMEOUT),
            # Elsewhere than the user said, secrets are not to go.
            httpx2.AsyncClient(headers=dict(headers), follow_redirects=not headers) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code != 200:
                raise UpstreamFailed(f"{url} answered {answer.status_code}")
            body = bytearray()
            async for chunk in answer.aiter_bytes(65536):
                body += chunk
                if len(body) > MAX_BYTES:
                    raise UpstreamFailed(f"{url} has more than {MAX_BYTES} bytes", final=True)
            return bytes(body)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise UpstreamFailed(f"cannot get {url}: {error or type(error).__name__}") from error
    except TimeoutError as error:
        raise UpstreamFailed(f"{url} does not answer within {_TIMEOUT:g} s") from error
