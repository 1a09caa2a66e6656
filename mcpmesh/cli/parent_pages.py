"""What a worker shows of all workers: the pages of its parent, which is asked for them."""

import asyncio
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import urlopen

#: Seconds; the parent itself asks the workers, one after the other.
_PATIENCE = 30.0


class ParentPages:
    """The pages of a parent that listens at HOST:PORT."""

    def __init__(self, endpoint: str) -> None:
        self._url = f"http://{endpoint}"

    def __repr__(self) -> str:
        return f"<ParentPages {self._url}>"

    async def metrics(self) -> bytes:
        """Return the sum of the workers' metrics; nothing when the parent is gone."""
        status, body = await self._asked("/metrics")
        return body if status == 200 else b""

    async def missing(self) -> str:
        """Return which workers take no calls now; empty when all do."""
        status, body = await self._asked("/readyz")
        if status == 200:
            return ""
        return body.decode(errors="replace").strip().removeprefix("not ready: ")

    async def _asked(self, path: str) -> tuple[int, bytes]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, _fetched, self._url + path)


def _fetched(url: str) -> tuple[int, bytes]:
    try:
        with urlopen(url, timeout=_PATIENCE) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()
    except (OSError, HTTPException):
        return 503, b"the parent of the workers does not answer"
