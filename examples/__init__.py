"""Tools that do real work offline; run one with `mcpmesh serve examples.weather:app`."""
