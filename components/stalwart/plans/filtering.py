"""The spam filter. Whatever asks the outside is off unless it was turned on: a reload fails while a host does not resolve."""

from collections.abc import Sequence
from datetime import timedelta

from ..arguments import Server
from ..operations import Plan, Reconcile, Update, Upsert
from ..options.spam import Blocklist, BlocklistKind
from ..registry.encoding import when
from ..registry.mta import MemoryLookupKey
from ..registry.spam import DomainBlocklist, IpBlocklist, SpamDnsblServer, SpamPyzor, SpamSettings, SpamTag
from .inbound import greylists_by_script

TRAPS = "spam-traps"  # namespaces of lookup keys that the server's filter asks
TRUSTED_DOMAINS = "trusted-domains"
TRAP_TAG = "SPAM_TRAP"
OWNER = "Set by the plan"
# RFC 5782: a listing is in 127.0.0.0/8. Lists answer 127.255.255.x for an error, such as a resolver that asks too much.
IS_NO_LISTING = "octets[0] != 127 || (octets[1] == 255 && octets[2] == 255)"


def filter_operations(server: Server) -> Plan:
    """The filter's settings, lists and traps."""
    spam = server.spam
    native_greylisting = spam.greylist_minutes and not greylists_by_script(server)
    blocklists = {f"bl{number}": _server(found) for number, found in enumerate(spam.blocklists)}
    tags = {tag: score for found in spam.blocklists for tag, score in _scores(found).items()}
    if spam.traps:
        tags[TRAP_TAG] = spam.score_spam  # junk, and so learnt from; refused, it would tell the sender
    return (
        Update(
            SpamSettings(
                enable=spam.enabled,
                score_spam=spam.score_spam,
                score_reject=spam.score_reject,
                score_discard=spam.score_discard,
                greylist_for=timedelta(minutes=spam.greylist_minutes) if native_greylisting else None,
                spam_filter_rules_url=spam.rules_url,
            )
        ),
        Update(SpamPyzor(enable=spam.pyzor)),
        # Scoped, since rules that were fetched bring lists and tags of their own.
        Reconcile(SpamDnsblServer, blocklists, scope={"description": OWNER}),
        *_tags(tags, fetched=spam.rules_url is not None),
        _keys(TRAPS, [address.lower() for address in spam.traps]),
        _keys(TRUSTED_DOMAINS, spam.trusted_domains),
    )


def _server(blocklist: Blocklist) -> SpamDnsblServer:
    asked = "ip_reverse" if blocklist.kind == BlocklistKind.IP else "value"
    zone = f"{asked} + '.{blocklist.zone}'"
    tags = _tags_by_answer(blocklist)
    rules = [("octets[0] == 127" if not answer else _is_answer(answer), f"'{tag}'") for answer, tag in tags.items()]
    return (IpBlocklist if blocklist.kind == BlocklistKind.IP else DomainBlocklist)(
        name=f"MAIL_{_label(blocklist.zone)}",
        description=OWNER,
        # Of addresses only the client's own: those in Received headers are what the sender says.
        zone=when(("location == 'tcp'", zone), otherwise="false") if blocklist.kind == BlocklistKind.IP else when(otherwise=zone),
        tag=when((IS_NO_LISTING, "false"), *rules, otherwise="false"),
    )


def _scores(blocklist: Blocklist) -> dict[str, float]:
    return {tag: blocklist.codes.get(answer, blocklist.score) for answer, tag in _tags_by_answer(blocklist).items()}


def _tags_by_answer(blocklist: Blocklist) -> dict[str, str]:
    """The tag for each answer that counts; without codes one for the empty answer, which means any."""
    tag = f"RBL_{_label(blocklist.zone)}"  # of this name the filter learns
    # In order: the users of a package have no order in their maps, and a plan of another order would restart the server.
    return {answer: f"{tag}_{_label(answer)}" for answer in sorted(blocklist.codes)} or {"": tag}


def _is_answer(answer: str) -> str:
    return " && ".join(f"octets[{number}] == {octet}" for number, octet in enumerate(answer.split(".")))


def _label(text: str) -> str:
    return text.upper().replace(".", "_").replace("-", "_")


def _tags(scores: dict[str, float], fetched: bool) -> Plan:
    tags = {f"tag{number}": SpamTag(tag=tag, score=score) for number, (tag, score) in enumerate(scores.items())}
    if fetched:  # the fetched rules have tags of their own
        return (Upsert(tags),) if tags else ()
    return (Reconcile(SpamTag, tags),)


def _keys(namespace: str, keys: Sequence[str]) -> Reconcile:
    members = {f"{namespace}{number}": MemoryLookupKey(namespace=namespace, key=key) for number, key in enumerate(keys)}
    return Reconcile(MemoryLookupKey, members, scope={"namespace": namespace})
