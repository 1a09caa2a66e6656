"""A discrete-event simulation in virtual time that runs the product's own policies."""
