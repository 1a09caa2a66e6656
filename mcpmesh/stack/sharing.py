"""Answers calls that ask the same with one answer: at the same time, or kept for a while."""

from collections.abc import Callable, Hashable
from enum import Enum

from google.protobuf.message import DecodeError
from grpc import StatusCode

from mcpmesh.balance.balancer import Route
from mcpmesh.errors import DeadlineExceeded, TooLarge
from mcpmesh.policy.answer_store import AnswerStore
from mcpmesh.policy.cache import Cache
from mcpmesh.stack.call import Call
from mcpmesh.stack.layer import Layer, Top
from mcpmesh.stack.shared_call import Answer, SharedCall
from mcpmesh.stack.waiting import Waiting
from mcpmesh.v1 import invoke_pb2
from mcpmesh.wire.hpack_encoder import Volatile
from mcpmesh.wire.hpack_literal import literal_name, literal_value
from mcpmesh.wire.message import PREFIX_BYTES

_ONE_ANSWER = "/Invoke"
_CACHE, _AGE = "mcpmesh-cache", "age"
#: Fields of a request that an answer may depend on, whoever asks.
_FORM = frozenset((b"grpc-encoding", b"grpc-accept-encoding"))
#: And those that say who asks.
_WHO = frozenset((b"authorization", b"mcpmesh-caller"))


#: Fields that an answer's head has besides.
Said = tuple[tuple[str, str], ...]


class Shared(Enum):
    """How a call was answered without one of its own; the values are labels of metrics."""

    #: By an answer that was kept.
    HIT = "hit"
    #: By the answer to a call that was under way.
    SHARED = "shared"


def may_share(call: Call, route: Route) -> bool:
    """Tell whether a call of this route may have the answer to another."""
    hints = route.cluster.tool.annotations
    return bool(
        route.policy.cache is not None
        and hints.read_only
        and hints.idempotent
        and call.requests is None
        and call.head.method.endswith(_ONE_ANSWER)
    )


class Sharing(Layer[Call]):
    """The bottom of the stack of calls that may share: below it is another stack, for one of them.

    `told` is told of each call that had no call of its own: (tool, how).
    """

    def __init__(
        self,
        below: Top[Call],
        clock: Callable[[], float],
        max_answer_bytes: int,
        told: Callable[[str, Shared], None] = lambda _tool, _how: None,
    ) -> None:
        self._below = below
        self._clock = clock
        self._max_answer_bytes = max_answer_bytes
        self._told = told
        # What is under way: who waits for it, the first one asked.
        self._waiting: dict[Hashable, tuple[SharedCall, list[Call]]] = {}
        self._keys: dict[Call, Hashable] = {}

    def start(self, call: Call) -> None:
        route = call.route
        assert route is not None
        assert route.policy.cache is not None
        cache = route.policy.cache
        key = _key(call, route, cache)
        kept = route.load.answers
        if kept is not None and (found := kept.get(key, self._clock())) is not None:
            answer, age = found
            self._told(call.asked, Shared.HIT)
            self._answer(call, answer, ((_CACHE, Shared.HIT.value), (_AGE, str(int(age)))))
            return
        call.current = Waiting(call, self)
        self._keys[call] = key
        under_way = self._waiting.get(key)
        if under_way is not None:
            under_way[1].append(call)
            return
        shared = SharedCall(call, self._max_answer_bytes, self._done)
        self._waiting[key] = shared, [call]
        self._keys[shared] = key
        self._below.start(shared)

    def given_up(self, call: Call, error: BaseException) -> None:
        """Let go of a call that waits; when it was the last, nobody wants the answer."""
        key = self._keys.pop(call)
        shared, waiting = self._waiting[key]
        waiting.remove(call)
        if not waiting:
            # What comes now has to ask anew.
            del self._waiting[key]
            shared.interrupt(error)
        self.fail(call, error)

    def _done(self, shared: SharedCall) -> None:
        """Answer everybody who waits."""
        key = self._keys.pop(shared)
        under_way = self._waiting.get(key)
        if under_way is None or under_way[0] is not shared:
            return
        del self._waiting[key]
        waiting = under_way[1]
        for call in waiting:
            del self._keys[call]
            call.current = None
            call.attempts, call.tries = shared.attempts, shared.tries
            call.candidate = shared.candidate
        if shared.error is not None:
            self._fail_all(waiting, shared.error)
            return
        answer = shared.answer
        self._keep(waiting[0], key, answer)
        for number, call in enumerate(waiting):
            if not number:
                self._answer(call, answer, ())
                continue
            self._told(call.asked, Shared.SHARED)
            self._answer(call, answer, ((_CACHE, Shared.SHARED.value),))

    def _fail_all(self, waiting: list[Call], error: BaseException) -> None:
        now = self._clock()
        for call in waiting:
            if isinstance(error, DeadlineExceeded) and call.deadline > now:
                # It had the first one's deadline.
                call.timeout = call.deadline - now
                call.tries = None
                self.start(call)
            else:
                self.fail(call, error)

    def _keep(self, call: Call, key: Hashable, answer: Answer) -> None:
        route = call.route
        if route is None or route.policy.cache is None or not route.policy.cache.ttl:
            return
        if not _is_good(answer):
            return
        if route.load.answers is None:
            route.load.answers = AnswerStore()
        cache, size = route.policy.cache, answer.size + len(call.body)
        route.load.answers.put(key, answer, size, self._clock(), cache.ttl, cache.max_bytes)

    def _answer(self, call: Call, answer: Answer, said: Said) -> None:
        caller, extra = call.caller, _with(call.extra(), said)
        caller.taken = None
        try:
            if not answer.head:
                caller.send_headers(answer.trailers, extra, True)
            elif answer.code is StatusCode.OK:
                caller.send_answer(answer.head, extra, answer.body, answer.trailers)
            else:
                caller.send_message(answer.head, extra, answer.body)
                caller.send_headers((), answer.trailers, True)
        except TooLarge as error:
            self.fail(call, error)
            return
        self.end(call, answer.code, answer.message)


def _key(call: Call, route: Route, cache: Cache) -> Hashable:
    """Return what calls have in common that may have the same answer."""
    fields = call.head.forward
    who: tuple[object, ...] = ()
    if not cache.shared:
        who = (call.peer, *(field for field in fields if field[0] in _WHO))
    form = tuple(field for field in fields if field[0] in _FORM)
    return call.head.method, route.cluster.tool.version, call.body, form, who


def _is_good(answer: Answer) -> bool:
    """Tell whether an answer is a result that is worth keeping."""
    if answer.code is not StatusCode.OK or answer.body[:1] != b"\0":
        return False
    try:
        response = invoke_pb2.InvokeResponse.FromString(answer.body[PREFIX_BYTES:])
    except DecodeError:
        return False
    return response.HasField("result") and not response.result.is_error


def _with(extra: Volatile, said: Said) -> Volatile:
    if isinstance(extra, bytes):
        written = "".join(f"{literal_name(name)}{literal_value(value)}" for name, value in said)
        return extra + written.encode("latin-1")
    return (*extra, *((name.encode(), value.encode()) for name, value in said))
