"""Reads a replica's load report out of its trailers, and writes one.

Source: ORCA, the message xds.data.orca.v3.OrcaLoadReport; gRFC A51 for the trailer, A58 and A64 for
which utilisation counts. Four of its fields are read by hand: the generated class would clash with
the one of a program that has xDS's own.
"""

import struct
from base64 import b64decode

from mcpmesh.codec.varint import read_varint
from mcpmesh.model.load_report import LoadReport

LOAD_REPORT = b"endpoint-load-metrics-bin"
_CPU, _RPS, _EPS, _APPLICATION = 1, 6, 7, 9
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LARGEST = 1e12
_DOUBLE = struct.Struct("<d")


def read_load_report(value: bytes) -> LoadReport | None:
    """Return what a report says; None for one that cannot be read, which says nothing."""
    try:
        fields = _doubles(b64decode(value + b"=" * (-len(value) % 4), validate=True))
    except (ValueError, IndexError, struct.error):
        return None
    # Neither infinite nor not a number.
    if not all(0.0 <= value < _LARGEST for value in fields.values()):
        return None
    utilisation = fields.get(_APPLICATION) or fields.get(_CPU, 0.0)
    return LoadReport(utilisation, fields.get(_RPS, 0.0), fields.get(_EPS, 0.0))


def write_load_report(report: LoadReport) -> bytes:
    """Write a report as a message, for a trailer."""
    fields = ((_RPS, report.qps), (_EPS, report.eps), (_APPLICATION, report.utilisation))
    return b"".join(
        bytes((number << 3 | _FIXED64,)) + _DOUBLE.pack(value) for number, value in fields
    )


def _doubles(message: bytes) -> dict[int, float]:
    """Return the fields of a message that are doubles, by their numbers."""
    found: dict[int, float] = {}
    position = 0
    while position < len(message):
        tag, position = read_varint(message, position)
        kind = tag & 7
        if kind == _FIXED64:
            found[tag >> 3] = _DOUBLE.unpack_from(message, position)[0]
            position += 8
        elif kind == _BYTES:
            size, position = read_varint(message, position)
            position += size
        elif kind == _VARINT:
            _, position = read_varint(message, position)
        elif kind == _FIXED32:
            position += 4
        else:
            raise ValueError(f"a field of kind {kind}")
    return found
