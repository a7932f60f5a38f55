"""A fact is typed once, here, and every other package speaks of it in these words."""
