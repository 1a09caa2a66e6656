"""How an attempt is lost with its replica, where that tells more than that it is lost."""

from mcpmesh.errors import ReplicaLost


class Unanswered(ReplicaLost):
    """The replica does not even answer PINGs; what it has may be tried elsewhere."""


class Unsent(ReplicaLost):
    """The replica certainly did not act on the call: trying another is safe."""
