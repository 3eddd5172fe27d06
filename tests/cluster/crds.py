"""`python -m tests.cluster.crds FOLDER`: other people's custom resource definitions, from their Go modules.

crds.txt has a module with its version and the files in it, a line each. Go checks what it downloads by checksums.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

LIST = Path(__file__).parent / "crds.txt"


def fetch(folder: Path) -> int:
    """Put the definitions into a folder, all or none; how many there are."""
    if not shutil.which("go"):
        raise SystemExit("The definitions are fetched from Go modules, and Go is not on the PATH. Install Go 1.26 or newer.")
    partly = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(partly, ignore_errors=True)
    partly.mkdir(parents=True)
    for line in LIST.read_text().splitlines():
        module, pattern = line.split(" ")
        # Outside of any module, or the module that this folder is in would be asked.
        run = subprocess.run(["go", "mod", "download", "-json", module], cwd=partly, capture_output=True, text=True, check=False)
        if run.returncode:
            raise SystemExit(f"{module} cannot be had: {run.stderr or run.stdout}")
        files = list(Path(json.loads(run.stdout)["Dir"]).glob(pattern))
        if not files:
            raise SystemExit(f"{module} has no {pattern}")
        for file in files:
            shutil.copyfile(file, partly / file.name)
    shutil.rmtree(folder, ignore_errors=True)
    partly.rename(folder)
    return len(list(folder.iterdir()))


if __name__ == "__main__":
    sys.stdout.write(f"{fetch(Path(sys.argv[1]).resolve())} definitions\n")
