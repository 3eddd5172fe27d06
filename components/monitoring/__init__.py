"""What watches a mail server: scrapes, alerts, a dashboard, and an exporter of what the server itself does not tell."""
