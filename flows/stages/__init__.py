"""Stage edges: read fail-closed, call the pure function of the package that owns the stage, write once."""
