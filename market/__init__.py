"""What the market was: sessions, bars as they were known on a day, and whether they are good enough."""
