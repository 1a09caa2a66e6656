"""Choosing a replica: immutable pickers, and the balancer that builds them."""
