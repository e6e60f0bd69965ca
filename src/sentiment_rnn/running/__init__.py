"""How a stage runs: its seeds side by side, each in a process of its own, on inputs that must not change meanwhile."""
