"""SPF of one address as a receiver evaluates it: pyspf's `check_host()` (RFC 7208, section 4) with the doctor's resolver."""
# pyspf has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUntypedBaseClass=false

from typing import Any

import spf

from .lookup import host_name, txt
from .world import World

MAX_VOID_LOOKUPS = 2  # RFC 7208, section 4.6.4


def evaluate(world: World, domain: str, address: str, ehlo: str) -> tuple[str, str]:
    """The result (RFC 7208, section 2.6, such as `pass` or `softfail`) and its explanation.

    Args:
        world: whom to ask.
        domain: whose record. For the host itself, its EHLO identity is checked (section 2.3), else the reverse path.
        address: where the mail comes from.
        ehlo: the name of the host there.
    """
    sender = "" if domain == ehlo else f"postmaster@{domain}"
    result, _code, explanation = _Query(world, address, sender, ehlo).check()
    return str(result), str(explanation)


class _Query(spf.query):
    def __init__(self, world: World, address: str, sender: str, ehlo: str) -> None:
        super().__init__(i=address, s=sender, h=ehlo)
        self.world = world

    # pyspf's own method asks the system's resolver through a function of its module, the same for all threads.
    def dns(self, name: object, qtype: str, cnames: object = None, ignore_void: bool = False) -> list[Any]:
        answer = self.world.ask(host_name(str(name)), qtype)
        if answer.failure:
            raise spf.TempError(f"DNS: {answer.name} {qtype}: {answer.failure}")
        if not answer.records and not ignore_void:
            self.void_lookups: int = self.void_lookups + 1
            if self.void_lookups > MAX_VOID_LOOKUPS:
                raise spf.PermError(f"Void lookup limit of {MAX_VOID_LOOKUPS} exceeded")
        match qtype:
            case "TXT":
                return [(txt(record).encode(),) for record in answer.records]
            case "MX":
                return [(int(text.split()[0]), host) for text, host in zip(answer.texts, answer.hosts, strict=True)]
            case "PTR":
                return list(answer.hosts)
            case _:
                return list(answer.texts)
