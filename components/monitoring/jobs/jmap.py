"""The server's client. In a pod this file is the client itself, from `stalwart/jobs/jmap.py`; here it stands for it."""

from ...stalwart.jobs.jmap import JmapError, Object, Server, server_of

__all__ = ["JmapError", "Object", "Server", "server_of"]
