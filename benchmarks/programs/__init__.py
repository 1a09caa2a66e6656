"""What the benchmarks start: servers, proxies and clients, ours and those of peers."""
