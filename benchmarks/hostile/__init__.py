"""Attacks on a router that serves an honest client beside them: what they cost, how they end."""
