"""Frozen values of the mesh: what a tool, a replica, a catalog, a call is."""
