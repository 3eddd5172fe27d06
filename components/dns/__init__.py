"""DNS records, DKIM keys and publishers."""
