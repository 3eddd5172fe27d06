"""Which DNS records an exchange and a mail domain need, as plain data."""
