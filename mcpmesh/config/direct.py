"""Settings of a process that may call replicas itself, as a router does."""

from dataclasses import dataclass

from mcpmesh.config.router import RouterSettings


@dataclass(frozen=True, slots=True)
class DirectSettings:
    """Whether calls go without the hop, and by what rules: those that a router has of calls.

    Raises: InvalidSetting.
    """

    direct: bool = False
    """Call replicas without the router between; settings of tools are read here then."""
    zone: str = ""
    """Zone that the router is in, for tools that prefer replicas whose label zone is the same."""
    tool: tuple[str, ...] = ()
    """Settings of tools: NAME={"balance": "p2c"}, with * for the name of all tools."""
    capability: tuple[str, ...] = ()
    """Capabilities: NAME=["TOOL", "TOOL"] or NAME={"explore": 0.1}, with * for all of them."""
    health: str = ""
    """When replicas are left out and come back: {"panic_ratio": 0.5}."""

    def __post_init__(self) -> None:
        self.router_settings()

    def router_settings(self) -> RouterSettings:
        """Return what a direct channel goes by."""
        return RouterSettings(
            zone=self.zone, tool=self.tool, capability=self.capability, health=self.health
        )
