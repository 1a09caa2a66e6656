"""The four shapes of a method, and what a client has for each."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import grpc

from mcpmesh.rpc.client_shapes import (
    StreamStreamCall,
    StreamUnaryCall,
    UnaryStreamCall,
    UnaryUnaryCall,
)
from mcpmesh.rpc.intercepted_call import (
    InterceptedStreamStreamCall,
    InterceptedStreamUnaryCall,
    InterceptedUnaryStreamCall,
    InterceptedUnaryUnaryCall,
)


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Whether a method's request and response are one message or a stream."""

    #: Its calls: plain ones, and those with interceptors.
    call: type[Any]
    intercepted: type[Any]
    #: The base class of its interceptors, and their method.
    interceptor: type[Any]
    step: str


UNARY_UNARY = Shape(
    UnaryUnaryCall,
    InterceptedUnaryUnaryCall,
    grpc.aio.UnaryUnaryClientInterceptor,
    "intercept_unary_unary",
)
UNARY_STREAM = Shape(
    UnaryStreamCall,
    InterceptedUnaryStreamCall,
    grpc.aio.UnaryStreamClientInterceptor,
    "intercept_unary_stream",
)
STREAM_UNARY = Shape(
    StreamUnaryCall,
    InterceptedStreamUnaryCall,
    grpc.aio.StreamUnaryClientInterceptor,
    "intercept_stream_unary",
)
STREAM_STREAM = Shape(
    StreamStreamCall,
    InterceptedStreamStreamCall,
    grpc.aio.StreamStreamClientInterceptor,
    "intercept_stream_stream",
)
SHAPES = (UNARY_UNARY, UNARY_STREAM, STREAM_UNARY, STREAM_STREAM)


def by_shape(interceptors: Iterable[Any]) -> dict[Shape, tuple[Any, ...]]:
    """Sort a channel's interceptors; one of several shapes counts for the first, as in grpc.aio.

    Raises: ValueError for one of no shape.
    """
    found: dict[Shape, tuple[Any, ...]] = {}
    for each in interceptors:
        shape = next((shape for shape in SHAPES if isinstance(each, shape.interceptor)), None)
        if shape is None:
            names = ", ".join(shape.interceptor.__name__ for shape in SHAPES)
            raise ValueError(f"the interceptor {each!r} is none of {names}")
        found[shape] = (*found.get(shape, ()), each)
    return found
