"""Policies of mail platforms: `rules` needs nothing but Python, `__main__` is the pack that the Pulumi engine runs."""
