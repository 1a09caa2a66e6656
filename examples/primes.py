"""Work for the processor: a plain function, which the tool server runs in a thread."""

from math import isqrt
from typing import Annotated

from pydantic import BaseModel, Field

from mcpmesh import ToolContext, ToolServer

app = ToolServer("primes")

SEGMENT = 1 << 20


class Primes(BaseModel):
    """The primes below a bound: how many, and the last of them."""

    count: int
    last: list[int]


@app.tool(read_only=True, idempotent=True, timeout=30.0)
def primes(
    below: Annotated[int, Field(ge=3, le=50_000_000)],
    ctx: ToolContext,
    last: Annotated[int, Field(ge=0, le=100)] = 5,
) -> Primes:
    """Count the prime numbers below a bound and give the last of them."""
    small = _sieve(isqrt(below) + 1)
    count, tail = 0, list[int]()
    for start in range(0, below, SEGMENT):
        # A thread cannot be stopped from outside; it looks whether somebody still waits.
        if ctx.cancelled:
            break
        found = _segment(start, min(start + SEGMENT, below), small)
        count += len(found)
        tail = [*tail, *found][-last:] if last else []
    return Primes(count=count, last=tail)


def _sieve(end: int) -> list[int]:
    """Return the primes below `end`, by Eratosthenes."""
    marks = bytearray(b"\x00\x00") + bytearray(b"\x01") * max(0, end - 2)
    for number in range(2, isqrt(end) + 1):
        if marks[number]:
            marks[number * number :: number] = bytes(len(range(number * number, end, number)))
    return [number for number, mark in enumerate(marks[:end]) if mark]


def _segment(start: int, end: int, small: list[int]) -> list[int]:
    """Return the primes of start to end; `small` are those up to the root of end."""
    marks = bytearray(b"\x01") * (end - start)
    for number in small:
        first = max(number * number, -(-start // number) * number) - start
        if first < len(marks):
            marks[first::number] = bytes(len(range(first, len(marks), number)))
    for number in range(start, min(2, end)):
        marks[number] = 0
    return [start + place for place, mark in enumerate(marks) if mark]
