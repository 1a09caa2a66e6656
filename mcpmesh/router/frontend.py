"""Where calls of tools enter the router: from callers' streams to the stack."""

from collections.abc import Callable
from functools import partial

from mcpmesh.dispatch.call_head import heads_like, read_call_head
from mcpmesh.dispatch.dispatcher import Dispatcher
from mcpmesh.router.caller import proven
from mcpmesh.router.served_call import ServedCall
from mcpmesh.rpc.head import RequestHead
from mcpmesh.rpc.server import Opener, Server
from mcpmesh.stack.call_head import CallHead
from mcpmesh.wire.hpack_table import Headers

_SERVICE = "/mcpmesh.v1.ToolService/"


class Frontend:
    """Takes the streams of ToolService, unopened."""

    def __init__(self, dispatcher: Dispatcher, *, proves_callers: bool = False) -> None:
        """Hand calls to a dispatcher; `proves_callers`: clients are asked for certificates."""
        self._dispatcher = dispatcher
        self._proves_callers = proves_callers

    def serve_on(self, server: Server) -> None:
        """Take the streams of Invoke, InvokeStream and Converse."""
        for method, streaming in (("Invoke", False), ("InvokeStream", False), ("Converse", True)):
            server.add_raw_handler(
                _SERVICE + method, partial(self._take, streaming), partial(self._alike, streaming)
            )

    def _take(self, streaming: bool, head: RequestHead) -> Opener:
        return self._opener(read_call_head(head), streaming)

    def _alike(
        self, streaming: bool, head: RequestHead, last: int
    ) -> Callable[[Headers], Opener] | None:
        """Return what takes calls whose heads differ from this one in their last fields alone."""
        read = heads_like(head, last)
        return None if read is None else lambda headers: self._opener(read(headers), streaming)

    def _opener(self, head: CallHead, streaming: bool) -> Opener:
        if self._proves_callers:
            of = proven(head)
            calls = self._dispatcher
            return lambda link, stream: ServedCall(calls, of(link), streaming, link, stream)
        return partial(ServedCall, self._dispatcher, head, streaming)
