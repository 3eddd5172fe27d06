"""The command line: `python -m doctor`."""

import sys
from typing import Annotated

import typer
from rich.console import Console

import terminal

from .deployment import OutputsError, deployment
from .findings import COULD_NOT_RUN, exit_code
from .outputs import read
from .report import as_json, print_table
from .run import BLOCKLISTS, OUTBOUND_HOSTS, examine
from .world import real_world

DEFAULT_STACK = "primary"

USAGE = "See `python -m doctor --help`."
INTERRUPTED = 130  # as shells say it

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def doctor(
    stack: Annotated[list[str] | None, typer.Option(help="A Pulumi stack to look at. (default: primary)")] = None,
    outputs: Annotated[
        list[str] | None, typer.Option(help="What `pulumi stack output --json` printed, in a file; `-` is standard input.")
    ] = None,
    as_machine: Annotated[bool, typer.Option("--json", help="Print JSON in place of the table.")] = False,
    resolver: Annotated[list[str] | None, typer.Option(help="A resolver to ask: IP or IP:PORT. (default: the system's)")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for an answer or a connection.")] = 10.0,
    blocklist: Annotated[list[str] | None, typer.Option(help="A DNS blocklist to ask in place of the usual ones.")] = None,
    no_blocklists: Annotated[bool, typer.Option("--no-blocklists", help="Ask no blocklist.")] = False,
    outbound_host: Annotated[
        list[str] | None, typer.Option(help="An exchange that shows whether port 25 is open from here.")
    ] = None,
) -> None:
    """Ask DNS and the hosts whether what was deployed is what the world sees; say what is wrong and how to fix it.

    Nothing is sent but queries and handshakes.

    The exit code is 0 when all is fine, 1 with warnings, 2 with faults, 3 when it could not run.
    """
    try:
        expected = deployment(read(stack or ([] if outputs else [DEFAULT_STACK]), outputs or [], "doctor"))
        world = real_world(resolver or [], timeout)
    except (OutputsError, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(COULD_NOT_RUN) from None
    lists = [] if no_blocklists else blocklist or BLOCKLISTS
    with terminal.working("Asking DNS and the hosts"):
        findings = examine(world, expected, lists, outbound_host or OUTBOUND_HOSTS)
    if as_machine:
        typer.echo(as_json(findings))
    else:
        print_table(Console(), findings, expected.group_of)
    raise typer.Exit(exit_code(findings))


def main() -> None:
    """Run the command, and end with its exit code."""
    try:
        sys.exit(app(prog_name="python -m doctor", standalone_mode=False))
    except typer.TyperException as error:
        # Typer would end with 2, which here means faults.
        typer.echo(f"{error.format_message()} {USAGE}", err=True)
        sys.exit(COULD_NOT_RUN)
    except typer.Abort:
        sys.exit(INTERRUPTED)
