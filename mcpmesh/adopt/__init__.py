"""What exists already, adopted: other servers' tools as replicas of the mesh, without code."""
