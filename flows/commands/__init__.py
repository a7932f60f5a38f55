"""The commands of ``avwap``; heavy parts are imported inside the command that needs them."""
