"""The router: takes calls, picks a replica for each, keeps the registry of replicas."""
