"""A replica that can be picked, and the load we put on it."""

from mcpmesh.model.address import Address
from mcpmesh.model.replica import Replica


class Candidate:
    """A replica with the number of our attempts in flight on it.

    Lives as long as the replica is registered, through any number of pickers. `connection` is
    set while there is one; balancing only asks whether. `coming` tells that it is being made,
    for the first time since it last failed.
    """

    __slots__ = ("address", "coming", "connection", "in_flight", "name", "replica", "weight")

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        #: Host and port, and what people call it; said in every attempt's books.
        address = Address.parse(replica.endpoint)
        self.address = (address.label, address.port)
        self.name = str(replica)
        #: What pickers go by: the replica's own weight, times what it may take for now.
        self.weight: float = replica.weight
        self.in_flight = 0
        self.connection: object | None = None
        self.coming = False

    def __repr__(self) -> str:
        return f"<Candidate {self.replica} in_flight={self.in_flight}>"
