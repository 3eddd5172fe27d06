"""A small model of the server's expression language, enough to ask what the plans' rules decide.

Upstream: https://stalw.art/docs/configuration/expressions. Numbers, quoted text, variables, `!`, `+`, comparisons, `&&`, `||`,
calls and an index in brackets. Unknown names are errors, as they are on the server.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping

TOKEN = re.compile(r"\s*(?:(\d+)|'([^']*)'|([A-Za-z_][A-Za-z0-9_.]*)|(&&|\|\||==|!=|<=|>=|[!<>+()\[\],]))")


class Model:
    """What expressions look at: variables of a session, lookup keys, and the domains of the server."""

    def __init__(self, variables: Mapping[str, object], keys: Mapping[str, set[str]], local_domains: set[str]) -> None:
        self.variables = variables
        self.functions: dict[str, Callable] = {
            "key_exists": lambda namespace, key: key in keys.get(namespace, set()),
            "is_local_domain": lambda domain: domain in local_domains,
            "is_ip_in_cidr": lambda ip, net: ipaddress.ip_address(ip) in ipaddress.ip_network(net),
            "is_empty": lambda value: not value,
            "split": lambda text, separator: text.split(separator),
            "email_part": lambda address, part: dict(zip(("local", "domain"), address.rsplit("@", 1), strict=True))[part],
        }

    def decide(self, expression: Mapping) -> object:
        """What an encoded expression of a plan comes to."""
        for rule in expression["match"].values():
            if self.value(rule["if"]):
                return self.value(rule["then"])
        return self.value(expression["else"])

    def value(self, text: str) -> object:
        """What one piece of text comes to."""
        tokens = []
        position = 0
        while position < len(text.rstrip()):
            match = TOKEN.match(text, position)
            assert match, text[position:]
            tokens.append(match)
            position = match.end()
        self.tokens = tokens
        found = self._either()
        assert not self.tokens, f"left over in {text}"
        return found

    def _next_is(self, *symbols: str) -> str | None:
        if self.tokens and self.tokens[0][4] in symbols:
            return self.tokens.pop(0)[4]
        return None

    def _either(self):
        left = self._both()
        while self._next_is("||"):
            right = self._both()
            left = bool(left) or bool(right)
        return left

    def _both(self):
        left = self._comparison()
        while self._next_is("&&"):
            right = self._comparison()
            left = bool(left) and bool(right)
        return left

    def _comparison(self):
        left = self._sum()
        operator = self._next_is("==", "!=", "<", ">", "<=", ">=")
        if not operator:
            return left
        right = self._sum()
        return (
            {"==": left == right, "!=": left != right}.get(operator)
            if operator in ("==", "!=")
            else eval(f"{int(left)} {operator} {int(right)}")
        )

    def _sum(self):
        left = self._unary()
        while self._next_is("+"):
            left = left + self._unary()
        return left

    def _unary(self):
        return not self._unary() if self._next_is("!") else self._atom()

    def _atom(self):
        if self._next_is("("):
            inside = self._either()
            assert self._next_is(")")
            return inside
        number, quoted, name, _symbol = self.tokens.pop(0).groups()
        if number is not None:
            return int(number)
        if quoted is not None:
            return quoted
        found = (
            self._call(name) if self._next_is("(") else {"true": True, "false": False}.get(name, self.variables.get(name, name))
        )
        while self._next_is("["):
            found = found[self._either()]
            assert self._next_is("]")
        return found

    def _call(self, name: str):
        arguments = []
        while not self._next_is(")"):
            arguments.append(self._either())
            self._next_is(",")
        return self.functions[name](*arguments)
