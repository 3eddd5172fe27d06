"""The exporter: standard library and prometheus-client only, on the Python image that the arguments name."""
