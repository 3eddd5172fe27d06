"""Programs that run in Jobs of the cluster: standard library only, on the Python image that the arguments name."""
