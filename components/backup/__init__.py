"""Backups with Velero."""
