"""Puts the layers of a call over each other."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from time import perf_counter
from typing import Any

from mcpmesh.config.router import CallLog
from mcpmesh.dispatch.fail_fast import FailFast
from mcpmesh.dispatch.observe import InFlight, ObserveAttempts, ObserveCalls
from mcpmesh.dispatch.prober import Prober
from mcpmesh.dispatch.renaming import Renaming
from mcpmesh.dispatch.short_way import ShortWay
from mcpmesh.errors import MeshError
from mcpmesh.policy.admission import Shed
from mcpmesh.policy.fallback import Fallback
from mcpmesh.policy.retry import GiveUp
from mcpmesh.stack.admission import Admitting
from mcpmesh.stack.authorizing import Authorizing
from mcpmesh.stack.balance import Balance, RouteTable
from mcpmesh.stack.call import Call, Exit
from mcpmesh.stack.deadline import Deadline
from mcpmesh.stack.fallback import FallingBack
from mcpmesh.stack.hedge import HedgeOutcome
from mcpmesh.stack.layer import Crossing, Top, stacked
from mcpmesh.stack.once import Once
from mcpmesh.stack.retry import Retrying
from mcpmesh.stack.send import Send
from mcpmesh.stack.sharing import Shared, Sharing
from mcpmesh.telemetry.setup import Telemetry
from mcpmesh.transport.timers import Timers

#: Largest message that is opened, unless the settings say.
MAX_MESSAGE_BYTES = 4 * 1024 * 1024


def layers(
    call_log: CallLog,
    telemetry: Telemetry,
    table: RouteTable,
    unknown: Callable[[str, str], MeshError],
    in_flight: InFlight,
    loop: asyncio.AbstractEventLoop,
    rng: Random,
    *,
    fallbacks: Mapping[str, Fallback] | None = None,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
    authorizing: Authorizing | None = None,
) -> Top[Call]:
    """Put the layers of a call over each other; the first one is the outermost.

    `fallbacks` are those of tools that may not be there; a message of at most `max_message_bytes`
    is opened for them. `authorizing` is of this stack alone.
    """
    send = Send(loop.time, perf_counter)
    # (Not by the loop's clock, which uvloop moves on once a turn, in whole milliseconds.)
    observe = ObserveCalls(telemetry, perf_counter, in_flight, call_log)
    stack = stacked(
        Exit(),
        # Outermost, so that it sees refusals and how the body ended.
        observe,
        # Above all that works for a call; what stands in for a tool is not the caller's doing.
        *_guarding(authorizing),
        *_below(send, telemetry, table, unknown, loop, rng, fallbacks, max_message_bytes),
    )
    lets = None if authorizing is None else authorizing.lets
    top = FailFast(stack, observe, loop.time, rng, telemetry.instruments.shed, lets)
    if call_log == "all":
        # There is more to do for every call.
        return top
    return ShortWay(top, send, telemetry, in_flight, Timers(loop), loop, rng, lets)


def sharing_layers(
    call_log: CallLog,
    telemetry: Telemetry,
    table: RouteTable,
    unknown: Callable[[str, str], MeshError],
    in_flight: InFlight,
    loop: asyncio.AbstractEventLoop,
    rng: Random,
    *,
    fallbacks: Mapping[str, Fallback] | None = None,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
    authorizing: Authorizing | None = None,
) -> Top[Call]:
    """Put together what calls pass that may have the answer to another; else as `layers`.

    Each is observed and has a deadline; what a replica gets is a call for all of them.
    """
    send = Send(loop.time, perf_counter)
    for_all = stacked(
        Exit(), *_below(send, telemetry, table, unknown, loop, rng, fallbacks, max_message_bytes)
    )
    return stacked(
        Exit(),
        ObserveCalls(telemetry, perf_counter, in_flight, call_log),
        # Above sharing: what one caller may have is not for all.
        *_guarding(authorizing),
        Deadline(Timers(loop), loop.time),
        Sharing(for_all, loop.time, max_message_bytes, partial(_count_shared, telemetry)),
    )


def _guarding(authorizing: Authorizing | None) -> list[Authorizing]:
    """Return the layer that refuses what no rule allows; none where there are no rules."""
    return [] if authorizing is None else [authorizing]


def _below(
    send: Send,
    telemetry: Telemetry,
    table: RouteTable,
    unknown: Callable[[str, str], MeshError],
    loop: asyncio.AbstractEventLoop,
    rng: Random,
    fallbacks: Mapping[str, Fallback] | None,
    max_message_bytes: int,
) -> list[Crossing[Any, Any]]:
    """Return the layers below what observes calls."""
    return [
        # Above retry: one budget of time for all attempts.
        Deadline(Timers(loop), loop.time),
        # Above admission: a call that is refused for load may go to another tool.
        FallingBack(
            table, Renaming(max_message_bytes), fallbacks, partial(_count_fallback, telemetry)
        ),
        # Above retry: one place per call, whatever attempts it takes.
        Admitting(loop, rng, partial(_count_shed, telemetry)),
        # Above balance: each attempt picks anew.
        Retrying(
            send, loop, rng, partial(_count_given_up, telemetry), partial(_count_hedge, telemetry)
        ),
        # Picks, so that what is below knows its replica.
        Balance(table, rng, perf_counter, unknown, Prober(rng, perf_counter).ask),
        # Innermost: a span and a measurement per attempt, and the trace for the replica.
        ObserveAttempts(telemetry, perf_counter),
        send,
    ]


def _count_shared(telemetry: Telemetry, tool: str, how: Shared) -> None:
    telemetry.instruments.cached_answers.cell(tool, how.value).add()


def shadow_layers(
    telemetry: Telemetry,
    table: RouteTable,
    unknown: Callable[[str, str], MeshError],
    loop: asyncio.AbstractEventLoop,
    rng: Random,
) -> Top[Call]:
    """Put the layers of a copy of a call over each other: what it must have, and no more."""
    clock = loop.time
    send = Send(clock, perf_counter)
    return stacked(
        Exit(),
        Deadline(Timers(loop), clock),
        Once(send),
        Balance(table, rng, perf_counter, unknown, Prober(rng, perf_counter).ask),
        ObserveAttempts(telemetry, perf_counter),
        send,
    )


def _count_shed(telemetry: Telemetry, tool: str, why: Shed) -> None:
    telemetry.instruments.shed.cell(tool, why.value).add()


def _count_fallback(telemetry: Telemetry, tool: str, error_type: str) -> None:
    telemetry.instruments.fallbacks.cell(tool, error_type).add()


def _count_hedge(telemetry: Telemetry, tool: str, outcome: HedgeOutcome) -> None:
    telemetry.instruments.hedges.cell(tool, outcome.value).add()


def _count_given_up(telemetry: Telemetry, tool: str, why: GiveUp) -> None:
    telemetry.instruments.not_retried.cell(tool, why.name.lower()).add()
