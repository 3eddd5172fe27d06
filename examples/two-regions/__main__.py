"""A primary (MX 10) with the mailboxes, and a backup (MX 20) that holds mail while it is away: each a stack of this program."""

import backup
import primary
import pulumi

deploy = {"primary": primary.deploy, "backup": backup.deploy}
pulumi.run(deploy[pulumi.Config().require("role")])
