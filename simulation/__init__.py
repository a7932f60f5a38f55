"""What if: an exchange of our own, as much an outside party as any broker."""
