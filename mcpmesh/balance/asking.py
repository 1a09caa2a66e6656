"""Whom to ask for their load beside a call."""

from collections.abc import Iterator

from mcpmesh.balance.picker import Picker
from mcpmesh.balance.prequal import PrequalPicker
from mcpmesh.balance.recovering import RecoveringPicker
from mcpmesh.balance.zone import ZonePicker


def asking(picker: Picker) -> Iterator[PrequalPicker]:
    """Yield the pickers in a picker that want answers."""
    if isinstance(picker, PrequalPicker):
        yield picker
    elif isinstance(picker, RecoveringPicker):
        yield from asking(picker.picker)
    elif isinstance(picker, ZonePicker):
        yield from asking(picker.near)
        yield from asking(picker.far)
