"""A limit on how many calls begin per second, with room for bursts.

Source: the generic cell rate algorithm (ITU-T I.371), which is a token bucket in one number.
"""


class TokenBucket:
    """When the next call is due, if calls came evenly at the rate."""

    __slots__ = ("_due",)

    def __init__(self) -> None:
        self._due = 0.0

    def take(self, now: float, rate: float, burst: float) -> float:
        """Take a token; return 0, or the seconds until there is one.

        Units: seconds; `rate` per second, above 0; `burst` tokens at most at once, from 1 up.
        """
        due = max(self._due, now)
        early = due - now - (burst - 1) / rate
        # A billionth of a second is the rounding of a clock that counts from long ago.
        if early > 1e-9:
            return early
        self._due = due + 1 / rate
        return 0.0

    def is_full(self, now: float) -> bool:
        """Tell whether nothing is missing, so that a new bucket would do as well."""
        return self._due <= now
