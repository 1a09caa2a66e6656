"""The engine beside python-hyper's h2 and hpack, on the same bytes."""
