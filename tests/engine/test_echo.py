"""The echo engine is strict, on the real engine too."""

from pathlib import Path

from .deployments import Deployment, missing, unless
from .projects import echoes, python_runtime, write_project

MISSPELT = """
from pulumi_kubernetes.core.v1 import Service

Service("mail", metadata={"name": "mail"}, spec={"selectr": {"app": "mail"}})
"""


@unless(missing())
def test_the_engine_hears_of_a_misspelt_field_in_the_preview(tmp_path: Path):
    write_project(tmp_path, {"name": "post", "runtime": python_runtime()}, echoes(tmp_path))
    (tmp_path / "__main__.py").write_text(MISSPELT)
    run = Deployment(tmp_path).preview()
    assert run.failed
    assert "selectr" in run.output
