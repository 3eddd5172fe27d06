"""The Stalwart server, its plan and its Kubernetes objects."""
