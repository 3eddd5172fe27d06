"""`python -m offline.diff OLD NEW`: what changes from one offline build to another, and what is risky about it, as Markdown.

Ends with 0; with 1 when there is a risk that `--fail-on` names; with 2 when a folder is no build.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .as_json import to_json
from .comparison import compare
from .markdown import markdown
from .reading import BuildError, read

FAILING = {"danger": ("danger",), "warning": ("danger", "warning")}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m offline.diff", description=__doc__)
    parser.add_argument("old", type=Path, help="a build folder, as `make preview` writes it")
    parser.add_argument("new", type=Path, help="another one")
    parser.add_argument("--json", type=Path, help="also write it as JSON to this file")
    parser.add_argument("--fail-on", choices=FAILING, help="end with 1 when there is a risk of this level, or a worse one")
    options = parser.parse_args(arguments)
    try:
        difference = compare(read(options.old), read(options.new))
    except BuildError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if options.json:
        options.json.write_text(to_json(difference))
    sys.stdout.write(markdown(difference))
    return int(any(risk.level in FAILING.get(options.fail_on, ()) for risk in difference.risks))


if __name__ == "__main__":
    sys.exit(main())
