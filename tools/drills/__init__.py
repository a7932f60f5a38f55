"""Fire drills: what the runbooks ask of a person, done with the same commands on an exchange that is made up."""
