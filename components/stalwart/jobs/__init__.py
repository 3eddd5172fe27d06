"""Programs that run inside the cluster. Standard library only: a ConfigMap ships them, a plain python image runs them."""
