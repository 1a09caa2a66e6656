"""Puts the layers of a call over each other."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
from mcpmesh.policy.access import Access
from mcpmesh.policy.admission import Shed
from mcpmesh.policy.fallback import Fallback
from mcpmesh.policy.retry import GiveUp
from mcpmesh.stack.admission import Admitting
from mcpmesh.stack.authorizing import authorizing, named_tool
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


@dataclass(frozen=True, slots=True)
class StackParts:
    """What layers work with, and are told of.

    `unknown` makes the error for a tool that there is no route for. `fallbacks` are those of tools
    that may not be there; a message of at most `max_message_bytes` is opened for them. `access`
    says who may call what, and `named` what of a call that is about.
    """

    telemetry: Telemetry
    table: RouteTable
    unknown: Callable[[str, str], MeshError]
    loop: asyncio.AbstractEventLoop
    rng: Random
    in_flight: InFlight = field(default_factory=InFlight)
    call_log: CallLog = "errors"
    fallbacks: Mapping[str, Fallback] = field(default_factory=dict)
    max_message_bytes: int = 4 * 1024 * 1024
    access: Access = field(default_factory=Access)
    named: Callable[[Call], str] = named_tool


def layers(parts: StackParts) -> Top[Call]:
    """Put the layers of a call over each other; the first one is the outermost."""
    loop, telemetry = parts.loop, parts.telemetry
    send = Send(loop.time, perf_counter)
    # (Not by the loop's clock, which uvloop moves on once a turn, in whole milliseconds.)
    observe = ObserveCalls(telemetry, perf_counter, parts.in_flight, parts.call_log)
    guard = authorizing(parts.access, parts.named)
    stack = stacked(
        Exit(),
        # Outermost, so that it sees refusals and how the body ended.
        observe,
        # Above all that works for a call; what stands in for a tool is not the caller's doing.
        *([] if guard is None else [guard]),
        *_below(send, parts),
    )
    lets = None if guard is None else guard.lets
    top = FailFast(stack, observe, loop.time, parts.rng, telemetry.instruments.shed, lets)
    if parts.call_log == "all":
        # There is more to do for every call.
        return top
    return ShortWay(top, send, telemetry, parts.in_flight, Timers(loop), loop, parts.rng, lets)


def sharing_layers(parts: StackParts) -> Top[Call]:
    """Put together what calls pass that may have the answer to another; else as `layers`.

    Each is observed and has a deadline; what a replica gets is a call for all of them.
    """
    loop, telemetry = parts.loop, parts.telemetry
    send = Send(loop.time, perf_counter)
    for_all = stacked(Exit(), *_below(send, parts))
    guard = authorizing(parts.access, parts.named)
    return stacked(
        Exit(),
        ObserveCalls(telemetry, perf_counter, parts.in_flight, parts.call_log),
        # Above sharing: what one caller may have is not for all.
        *([] if guard is None else [guard]),
        Deadline(Timers(loop), loop.time),
        Sharing(for_all, loop.time, parts.max_message_bytes, partial(_count_shared, telemetry)),
    )


def shadow_layers(parts: StackParts) -> Top[Call]:
    """Put the layers of a copy of a call over each other: what it must have, and no more."""
    clock = parts.loop.time
    send = Send(clock, perf_counter)
    return stacked(Exit(), Deadline(Timers(parts.loop), clock), Once(send), *_sending(send, parts))


def _below(send: Send, parts: StackParts) -> list[Crossing[Any, Any]]:
    """Return the layers below what observes calls."""
    telemetry, loop, rng = parts.telemetry, parts.loop, parts.rng
    return [
        # Above retry: one budget of time for all attempts.
        Deadline(Timers(loop), loop.time),
        # Above admission: a call that is refused for load may go to another tool.
        FallingBack(
            parts.table,
            Renaming(parts.max_message_bytes),
            parts.fallbacks,
            partial(_count_fallback, telemetry),
        ),
        # Above retry: one place per call, whatever attempts it takes.
        Admitting(loop, rng, partial(_count_shed, telemetry)),
        # Above balance: each attempt picks anew.
        Retrying(
            send, loop, rng, partial(_count_given_up, telemetry), partial(_count_hedge, telemetry)
        ),
        *_sending(send, parts),
    ]


def _sending(send: Send, parts: StackParts) -> list[Crossing[Any, Any]]:
    """Return the layers of an attempt."""
    rng = parts.rng
    ask = Prober(rng, perf_counter).ask
    return [
        # Picks, so that what is below knows its replica.
        Balance(parts.table, rng, perf_counter, parts.unknown, ask),
        # Innermost: a span and a measurement per attempt, and the trace for the replica.
        ObserveAttempts(parts.telemetry, perf_counter),
        send,
    ]


def _count_shared(telemetry: Telemetry, tool: str, how: Shared) -> None:
    telemetry.instruments.cached_answers.cell(tool, how.value).add()


def _count_shed(telemetry: Telemetry, tool: str, why: Shed) -> None:
    telemetry.instruments.shed.cell(tool, why.value).add()


def _count_fallback(telemetry: Telemetry, tool: str, error_type: str) -> None:
    telemetry.instruments.fallbacks.cell(tool, error_type).add()


def _count_hedge(telemetry: Telemetry, tool: str, outcome: HedgeOutcome) -> None:
    telemetry.instruments.hedges.cell(tool, outcome.value).add()


def _count_given_up(telemetry: Telemetry, tool: str, why: GiveUp) -> None:
    telemetry.instruments.not_retried.cell(tool, why.name.lower()).add()
