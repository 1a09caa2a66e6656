"""From a tool's settings to the picker that follows them."""

from mcpmesh.balance.candidate import Candidate
from mcpmesh.balance.ewma import EwmaPicker
from mcpmesh.balance.p2c import ChoicesPicker, P2CPicker
from mcpmesh.balance.picker import Picker
from mcpmesh.balance.place import NOWHERE, Place
from mcpmesh.balance.prequal import PrequalPicker
from mcpmesh.balance.probe_pool import ProbePool
from mcpmesh.balance.ring import RingPicker
from mcpmesh.balance.subset import subset
from mcpmesh.balance.turns import TurnsPicker, own_weights, reported_weights
from mcpmesh.balance.zone import ZonePicker, zone_of
from mcpmesh.policy.balancing import Balancing


def picker_of(
    settings: Balancing,
    candidates: tuple[Candidate, ...],
    *,
    tool: str = "",
    place: Place = NOWHERE,
    before: Picker | None = None,
) -> Picker:
    """Return a picker among candidates that are ready.

    `before` is the tool's last picker: turns go on, and answers of replicas are kept.
    """
    candidates = subset(candidates, settings.subset, place.name)
    if settings.zone_first and place.zone:
        near = tuple(each for each in candidates if zone_of(each) == place.zone)
        if near and len(near) < len(candidates):
            far = tuple(each for each in candidates if zone_of(each) != place.zone)
            zoned = before if isinstance(before, ZonePicker) else None
            return ZonePicker(
                candidates,
                _plain(settings, near, tool, zoned and zoned.near),
                _plain(settings, far, tool, zoned and zoned.far),
                settings.zone_spill,
            )
    return _plain(settings, candidates, tool, before)


def _plain(
    settings: Balancing, candidates: tuple[Candidate, ...], tool: str, before: Picker | None
) -> Picker:
    match settings.policy:
        case "p2c":
            if settings.choices == 2:
                return P2CPicker(candidates)
            return ChoicesPicker(candidates, settings.choices)
        case "ewma":
            return EwmaPicker(candidates, tool, settings)
        case "prequal":
            return _prequal(settings, candidates, before)
        case "round_robin":
            return TurnsPicker(candidates, own_weights, _turn(before))
        case "weighted":
            return TurnsPicker(candidates, reported_weights(settings), _turn(before))
        case "hash":
            return RingPicker(candidates, settings.load_bound)


def _turn(before: Picker | None) -> int:
    return before.turn if isinstance(before, TurnsPicker) else 0


def _prequal(
    settings: Balancing, candidates: tuple[Candidate, ...], before: Picker | None
) -> Picker:
    pool = before.pool if isinstance(before, PrequalPicker) else ProbePool(settings)
    pool.keep(candidates)
    return PrequalPicker(candidates, pool, settings)
