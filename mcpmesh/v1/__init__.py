"""Generated from protos/mcpmesh/v1 by `make protos`; never edited."""
