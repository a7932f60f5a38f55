"""What the house says of a session is made from the ledger's files alone: the same files give the same words."""
