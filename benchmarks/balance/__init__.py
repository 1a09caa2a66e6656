"""The laboratory: balancing and resilience, in virtual time and over real sockets."""
