"""`python -m offline`: what `pulumi up` would create in each region, with no engine, cluster, account or token.

Writes `build/<stack>/` and the page `build/index.html`, and prints the summaries, in CI only their first lines and what breaks a
policy. Ends with 1, and writes nothing, when the configuration is refused. Ends with 3, and writes everything, when a mandatory
policy is broken: there is something to look at, and no check passes.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pulumi

import terminal

from . import build, page, policies
from .preview import configurations, preview, without_prefix
from .program import PROJECT_FOLDER

BROKEN = 3  # 1 is also what a crash ends with, and 2 a wrong option


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m offline", description=__doc__)
    parser.add_argument("--stack", action="append", help="only this stack (may be repeated)")
    parser.add_argument("--project", type=Path, default=PROJECT_FOLDER, help="the folder of Pulumi.yaml and the stack files")
    parser.add_argument("--output", type=Path, default=PROJECT_FOLDER / "build", help="where to write")
    options = parser.parse_args(arguments)
    try:
        with terminal.working("Running the program for every stack"):
            policy_config = policies.read_config(options.project)
            configs = configurations(options.project)
            recorded = preview(configs)
    except pulumi.RunError as error:
        print(error, file=sys.stderr)
        return 1
    wanted = options.stack or list(recorded)
    unknown = [stack for stack in wanted if stack not in recorded]
    if unknown:
        print(f"no stack {', '.join(unknown)} here; there are: {', '.join(sorted(recorded))}", file=sys.stderr)
        return 1
    broken = {stack: policies.violations(recording, policy_config) for stack, (recording, _) in recorded.items()}
    for stack in wanted:
        recording, summary = recorded[stack]
        said = policies.section(broken[stack])
        summary = f"{summary}\n{said}"
        build.write(recording, summary, options.output / stack)
        (options.output / stack / "policy.json").write_text(policies.to_json(broken[stack]))
        if terminal.is_ci():
            title = summary.splitlines()[0].removeprefix("# ")
            print(f"{title}\n{said}" if broken[stack] else title)
        else:
            terminal.show(summary)
    page.write(
        {stack: page.Stack(found, without_prefix(configs[stack]), broken[stack]) for stack, (found, _) in recorded.items()},
        options.output,
    )
    files = "manifests, zones, plan.ndjson, server.md, outputs.json, policy.json and summary.md"
    print(f"Written to {options.output}: index.html to look at; {files} of {', '.join(wanted)}.")
    refused = [stack for stack in wanted if policies.stops(broken[stack])]
    if refused:
        print(
            f"Mandatory policies are broken in {', '.join(refused)}; see its Policies above, and docs/policies.md.",
            file=sys.stderr,
        )
        return BROKEN
    return 0


if __name__ == "__main__":
    sys.exit(main())
