"""The portfolio says how much of a wish is allowed, and which limit bound, before and after."""
