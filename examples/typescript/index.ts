import { DkimKeys, MailBackup, MailDns, StalwartServer } from "@pulumi/stalwart-mail";

const domains = [{ name: "example.com" }];
const keys = new DkimKeys("dkim", { domains });
const server = new StalwartServer("mail", {
    hostname: "mx1.example.com",
    domains,
    dkimPrivateKeys: keys.privateKeys,
});
const dns = new MailDns("dns", {
    hostname: "mx1.example.com",
    addresses: [server.addresses.apply(found => found[0])],
    domains,
    exchange: server.exchange, // no MX record before the server is ready
    dkimPublicKeys: keys.publicKeys,
});
new MailBackup("backup", {
    locations: [{ name: "hot", bucket: "example-mail-hot", region: "eu-west-1" }],
    schedules: [{ name: "hot", location: "hot", cron: "17 */6 * * *", keepDays: 30 }],
    mailNamespace: server.namespace,
});

export const zones = dns.zoneFiles;
