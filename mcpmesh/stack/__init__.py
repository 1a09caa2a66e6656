"""Thin layers that a call passes: each decides one thing and hands on."""
