"""Tools serve the project's makers and are never imported by what they make."""
