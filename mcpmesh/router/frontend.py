"""Where calls of tools enter the router: from callers' streams to the stack."""

from functools import partial

from mcpmesh.dispatch.call_head import read_call_head
from mcpmesh.dispatch.dispatcher import Dispatcher
from mcpmesh.router.caller import proven
from mcpmesh.router.served_call import ServedCall
from mcpmesh.rpc.head import RequestHead
from mcpmesh.rpc.server import Opener, Server
from mcpmesh.stack.call_head import CallHead

_SERVICE = "/mcpmesh.v1.ToolService/"


class Frontend:
    """Takes the streams of ToolService, unopened."""

    def __init__(self, dispatcher: Dispatcher, *, proves_callers: bool = False) -> None:
        """Hand calls to a dispatcher; `proves_callers`: clients are asked for certificates."""
        self._dispatcher = dispatcher
        self._proves_callers = proves_callers

    def serve_on(self, server: Server) -> None:
        """Take the streams of Invoke, InvokeStream and Converse."""
        server.add_raw_handler(_SERVICE + "Invoke", self._unary)
        server.add_raw_handler(_SERVICE + "InvokeStream", self._unary)
        server.add_raw_handler(_SERVICE + "Converse", self._streaming)

    def _unary(self, head: RequestHead) -> Opener:
        return self._opener(read_call_head(head), streaming=False)

    def _streaming(self, head: RequestHead) -> Opener:
        return self._opener(read_call_head(head), streaming=True)

    def _opener(self, head: CallHead, *, streaming: bool) -> Opener:
        if self._proves_callers:
            of = proven(head)
            calls = self._dispatcher
            return lambda link, stream: ServedCall(calls, of(link), streaming, link, stream)
        return partial(ServedCall, self._dispatcher, head, streaming)
