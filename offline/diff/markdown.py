"""A difference as Markdown for one comment on a pull request.

What is shown comes from whoever made the change, so none of it is Markdown: names and values are in code, where GitHub reads no
HTML, link, mention or reference, and words are escaped. Nothing but the standard library.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from .model import Change, Difference, Risk, StackDifference

# GitHub takes 65,536 characters; who posts it adds a few lines.
MAX_BYTES = 60_000
# So many risks, and so many lines of each part, are shown: the first pair that fits.
LIMITS = ((100, 400), (100, 150), (60, 60), (40, 20), (20, 5), (10, 0), (3, 0))
MAX_STACKS = 20
MAX_NAME = 200
MAX_WORDS = 600
MAX_VALUE = 240
MAX_VALUE_LINES = 12
PARTS = (
    ("objects", "Objects"),
    ("records", "DNS records"),
    ("settings", "Server settings"),
    ("bucket_policies", "Bucket policies"),
    ("alerts", "Alerts"),
    ("outputs", "Outputs"),
)
SIGNS = {"added": "+", "removed": "-"}
STATES = {
    "new": "This stack is new: all of it is created.",
    "gone": "This stack is gone from the project. What it deployed stays until `pulumi destroy`.",
    "same": "Nothing changes.",
}
NOTHING = "Nothing changes in any region.\n"
# What means something in Markdown or makes a link: all but plain signs, a colon within a word, and the dot of a web host.
SPECIAL = re.compile(r"[^A-Za-z0-9 ,;.:()'%/=?+-]|:(?=\S)|(?<=www)\.", re.IGNORECASE)
REFERRING = "@#:.$"  # GitHub makes mentions and references of the first two even when they are escaped,
BREAK = "&#8203;"  # unless a space without width follows


def markdown(difference: Difference) -> str:
    """The comment: the risks, then every stack with its parts folded. It is at most `MAX_BYTES` bytes long."""
    if not difference.risks and all(stack.state == "same" for stack in difference.stacks):
        return NOTHING
    texts = (_text(difference, *limits) for limits in LIMITS)
    return next(text for text in texts if len(text.encode()) <= MAX_BYTES)


def _text(difference: Difference, max_risks: int, max_lines: int) -> str:
    left_out: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for some in difference.left_out:
        left_out[some.stack, some.part][some.what] += some.count
    lines = list(_risks(difference.risks, max_risks, left_out["", "risks"]))
    for stack in difference.stacks[:MAX_STACKS]:
        lines += ["", f"### {_code(stack.stack)}", "", *_stack(stack, max_lines, left_out)]
    if len(difference.stacks) > MAX_STACKS:
        lines += ["", f"And {len(difference.stacks) - MAX_STACKS} more stacks."]
    return "\n".join(lines) + "\n"


def _risks(risks: Sequence[Risk], limit: int, left_out: Counter[str]) -> Iterator[str]:
    count = Counter[str](risk.level for risk in risks) + left_out
    if not count:
        yield "No risk was found in what changes."
        return
    yield "**" + " and ".join(_counted(count[level], level) for level in ("danger", "warning") if count[level]) + "**"
    yield ""
    for risk in risks[:limit]:
        where = f"in {_code(risk.stack)}: {_code(risk.subject)}"
        yield f"- **{risk.level}** {where} {_words(risk.message)}. *To do:* {_words(risk.advice)}."
    more = count.total() - len(risks[:limit])
    if more:
        yield f"- and {more} more"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _stack(stack: StackDifference, limit: int, left_out: Mapping[tuple[str, str], Counter[str]]) -> Iterator[str]:
    if stack.state in STATES:
        yield STATES[stack.state]
    for name, title in PARTS:
        changes: tuple[Change, ...] = getattr(stack, name)
        count = Counter[str](change.how for change in changes) + left_out.get((stack.stack, name), Counter())
        if count:
            yield from _part(title, changes, limit, count)


def _part(title: str, changes: Sequence[Change], limit: int, count: Counter[str]) -> Iterator[str]:
    counted = ", ".join(f"{number} {how}" for how, number in sorted(count.items()))
    lines: list[str] = []
    shown = 0
    for change in changes:
        more = list(_change(change))
        if len(lines) + len(more) > limit:
            break
        lines += more
        shown += 1
    if shown < count.total():
        lines.append(f"  and {count.total() - shown} more")
    # Every line begins with a sign, so none of them ends the block.
    yield from (f"<details><summary>{title}: {counted}</summary>", "", "```diff", *lines, "```", "", "</details>")


def _change(change: Change) -> Iterator[str]:
    place = f" ({change.place})" if change.place else ""
    how = f" is {change.how}" if change.how in ("replaced", "renamed") else ""
    yield f"{SIGNS.get(change.how, '!')} {_line(f'{change.kind} {change.name}{place}', MAX_NAME)}{how}"
    for field in change.fields:
        path = f"{field.path}: " if field.path else ""
        for sign, value in (("-", field.old), ("+", field.new)):
            rows = value.splitlines()
            yield from (f"{sign}   {_line(f'{path}{row}', MAX_VALUE)}" for row in rows[:MAX_VALUE_LINES])
            if len(rows) > MAX_VALUE_LINES:
                yield f"{sign}   and {len(rows) - MAX_VALUE_LINES} more lines"


def _line(text: str, width: int) -> str:
    """One line of code. What is not to be seen, such as a change of the writing direction, is shown as a question mark."""
    visible = "".join(sign if sign.isprintable() else "?" for sign in text)
    return visible if len(visible) <= width else f"{visible[: width - 3]}..."


def _code(text: str) -> str:
    line = _line(text, MAX_NAME).strip() or "?"
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    return f"{fence} {line} {fence}" if "`" in line else f"{fence}{line}{fence}"


def _words(text: str) -> str:
    """Words with commands in backticks, which stay; all else is escaped."""
    line = _line(" ".join(text.split()), MAX_WORDS)
    parts = line.split("`")
    write: tuple[Callable[[str], str], ...] = (_escaped, _code)
    return "".join(write[number % 2](part) for number, part in enumerate(parts) if part)


def _escaped(text: str) -> str:
    return SPECIAL.sub(lambda found: f"&#{ord(found[0])};{BREAK if found[0] in REFERRING else ''}", text)
