"""Commands; the only room that reads argv, the environment and configuration files."""
