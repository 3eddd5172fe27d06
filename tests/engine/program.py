"""The program that engine tests deploy: the DKIM keys and the records of the domains that the stack's config names."""

import pulumi
import pulumi_cloudflare as cloudflare

from components import DkimKeys, MailDns


def deploy() -> None:
    """Register the components; the config's `dns` is the arguments of `MailDns`."""
    config = pulumi.Config()
    args = config.require_object("dns")
    provider = cloudflare.Provider("cloudflare", api_token=config.get_secret("token"))
    keys = DkimKeys("dkim", {"domains": args["domains"]})
    options = pulumi.ResourceOptions(providers=[provider])
    dns = MailDns("dns", {**args, "dkim_public_keys": keys.public_keys}, options)
    pulumi.export("zone_files", dns.zone_files)
    pulumi.export("ds", dns.ds)
