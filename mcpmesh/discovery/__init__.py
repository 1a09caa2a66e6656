"""Who serves which tool: leases, versions, the catalog, its changes, search and pages."""
