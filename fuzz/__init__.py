"""Fuzzing of what reads a peer's bytes, and a differential test against python-hyper."""
