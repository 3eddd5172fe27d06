"""The communication suite: the stack's settings make mail, chat and calls, and what they offer becomes the stack's outputs."""

import pulumi
from communication import settings, suite

for name, value in suite.deploy(settings.load()).items():
    pulumi.export(name, value)
