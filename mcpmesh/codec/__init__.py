"""Bytes and messages to model values, and back; the only room that knows both."""
