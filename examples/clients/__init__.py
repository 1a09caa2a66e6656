"""Programs that call the example tools, each in another way."""
