"""A benchmark compares two programs of which it has shown, in the same run, that they computed the same."""
