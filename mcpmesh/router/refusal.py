"""How a servicer of ours refuses: by the error table, and with nothing of our insides."""

import logging
from types import TracebackType

from grpc import StatusCode
from grpc.aio import ServicerContext

from mcpmesh.codec.status import status_of

_log = logging.getLogger(__name__)


class Refusing:
    """Around a servicer's body: an error ends the call with its status.

    Errors that are a bug are logged, the peer reads only that there was one.
    """

    def __init__(self, context: ServicerContext, method: str) -> None:
        self._context = context
        self._method = method

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not isinstance(error, Exception):
            return
        status = status_of(error)
        if status.code is StatusCode.INTERNAL:
            _log.error("%s failed", self._method, exc_info=error)
        await self._context.abort(status.code, status.message)
