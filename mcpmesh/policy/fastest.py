"""The fastest of a tool's last answers: what no call can expect to do better than."""

#: Calls after which a new span begins.
SPAN = 128
#: Seconds until a span says nothing any more. Calls that are refused measure nothing, so without
#: it a tool that was slow once would be slow for ever.
_FORGET_AFTER = 30.0
_NONE_YET = float("inf")


class Fastest:
    """The shortest duration in the last span of calls, and in the present one.

    Whoever calls `turn` counts the calls, and lowers `shortest` after each answer: that costs an
    answer one comparison.
    Units: seconds.
    """

    __slots__ = ("_turned", "seconds", "shortest")

    def __init__(self) -> None:
        #: The shortest duration in the last span; 0 when it is not known.
        self.seconds = 0.0
        #: The shortest duration in this span so far.
        self.shortest = _NONE_YET
        self._turned = 0.0

    def __repr__(self) -> str:
        return f"Fastest({self.seconds:.6f})"

    def turn(self, now: float) -> None:
        """Begin a new span."""
        self.seconds = 0.0 if self.shortest == _NONE_YET else self.shortest
        self.shortest = _NONE_YET
        self._turned = now

    def rules_out(self, left: float, now: float) -> bool:
        """Tell whether no answer can be expected in the time that is left."""
        if left >= self.seconds or left >= self.shortest:
            return False
        if now - self._turned > _FORGET_AFTER:
            self.seconds = 0.0
            return False
        return True
