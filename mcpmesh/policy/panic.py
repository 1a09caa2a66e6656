"""When to ignore health: too few replicas left would be crushed by the calls of all.

Source: Envoy's panic threshold.
"""


def panics(healthy: int, answering: int, threshold: float) -> bool:
    """Tell whether calls are to go to all replicas that answer, healthy or not.

    Counted among those that are connected and answer: the others take no calls however one
    decides.
    Units: `threshold` is the share of healthy ones from which on health is heeded; 0 for always.
    """
    return answering > 0 and healthy < answering * threshold
