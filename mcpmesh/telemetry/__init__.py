"""Traces, metrics and logs of every hop; the only room that knows OpenTelemetry."""
