"""The doctor against local servers: a healthy world, and single faults in it."""
