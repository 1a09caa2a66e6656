"""Calls replicas: the catalog as it comes, connections, and the layers put together."""
