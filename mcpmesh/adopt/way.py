"""Which way a value goes: what is written for input differs from what is read of output."""

from enum import Enum


class Way(Enum):
    """Which way a value goes: to a service, or from it."""

    INPUT = "input"
    OUTPUT = "output"
