"""What we do: gates before entries, never before exits; one record before every effect."""
