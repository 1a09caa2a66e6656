"""What the benchmarks share: processes, their CPU and memory, load, rounds."""
