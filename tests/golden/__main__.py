"""`python -m tests.golden` writes the golden plans anew. Read the difference line by line before you commit it."""

from pathlib import Path

from components.stalwart.plan_job import plan_text
from tests.unit.servers import ALL, server

FOLDER = Path(__file__).parent

if __name__ == "__main__":
    for name, args in ALL.items():
        (FOLDER / f"{name}.ndjson").write_text(plan_text(server(args)))
