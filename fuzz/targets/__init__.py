"""What is fuzzed, one target per file.

A target is a module with `SEEDS`, inputs to begin with, and `check(data)`, which reads arbitrary
bytes and raises nothing unless it found a fault: every refusal that the code under test declares
is taken inside.
"""
