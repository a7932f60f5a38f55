"""Historical bars come through one port, whoever holds them: a file, the synthetic market, or Alpaca."""
