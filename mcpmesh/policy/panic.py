"""When to ignore health: too few replicas left would be crushed by the calls of all.

Source: Envoy's panic threshold.
"""


def panics(healthy: int, connected: int, threshold: float) -> bool:
    """Tell whether calls are to go to all connected replicas, healthy or not.

    Counted among those that are connected: the others take no calls however one decides.
    Units: `threshold` is the share of healthy ones from which on health is heeded; 0 for always.
    """
    return connected > 0 and healthy < connected * threshold
