"""Benchmarks of mcpmesh beside its peers, each pair measured in the same run."""
