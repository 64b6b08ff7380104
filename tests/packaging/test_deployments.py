"""The examples of deployment: they are as the published schemas say, and their programs work together."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT
from tests.e2e.measuring import wait_until
from tests.e2e.upstreams import program
from tests.packaging.conftest import tool
from tests.packaging.network import Network
from trixter.profiles import published_profiles

# It comes with the tools for development, without types.
yaml = import_module("yaml")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.packaging,
    pytest.mark.slow,
    pytest.mark.usefixtures("packaging_tools"),
]

COMPOSE = ROOT / "examples/compose/compose.yaml"
WORKFLOW = ROOT / "examples/github_actions/network-tests.yml"
KUBERNETES = sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))
APP = ROOT / "examples/compose/app/app.py"

SCHEMAS = {COMPOSE: "vendor.compose-spec", WORKFLOW: "vendor.github-workflows"}

TRIXTER = (sys.executable, "-m", "trixter")

TOKEN = "opensesame"

# What stands for the reader's project, in each job of the workflow.
PROJECTS = {
    "plugin": """
import redis

def test_it_counts_far_away(chaos):
    proxy = chaos.proxy("127.0.0.1:6379")
    with proxy.latency(0.01):
        assert redis.Redis(proxy.host, proxy.port).incr("visits") == 1
""",
    "whole-suite": """
import os
import redis

def test_it_counts():
    assert redis.Redis.from_url(os.environ["REDIS_URL"]).incr("visits") == 1
    assert ":6379" not in os.environ["REDIS_URL"]
""",
}

# Longer than the application waits for its database.
TOO_SLOW = '{"delay_ms": 5000}'


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_it_is_as_the_published_schema_says(path: Path) -> None:
    subprocess.run([tool("check-jsonschema"), "--builtin-schema", SCHEMAS[path], str(path)], check=True)


def test_the_objects_of_kubernetes_are_as_the_published_schemas_say() -> None:
    command = [tool("kubernetes-validate"), "--strict", *map(str, KUBERNETES)]
    subprocess.run(command, check=True)


def test_the_services_of_kubernetes_lead_to_ports_of_their_pods() -> None:
    objects = kubernetes_objects()
    for service in (each for each in objects if each["kind"] == "Service"):
        (pod,) = (
            each["spec"]["template"]
            for each in objects
            if each["kind"] == "Deployment"
            and service["spec"]["selector"].items() <= each["spec"]["template"]["metadata"]["labels"].items()
        )
        spec = pod["spec"]
        containers = spec["containers"] + spec.get("initContainers", [])
        names = {port["name"] for container in containers for port in container["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= names


def test_the_services_of_compose_work_together(tmp_path: Path) -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    with Network(services, tmp_path) as network:
        start_redis(network, services["database"]["command"], tmp_path)
        network.start(*TRIXTER, *services["proxy"]["command"])
        network.start(sys.executable, "-u", str(APP), environment=services["app"]["environment"])
        check_the_application(network, "http://app:8000/", "http://proxy:8888")


def test_the_containers_of_kubernetes_work_together(tmp_path: Path) -> None:
    (database, _, shop, *services) = kubernetes_objects()
    (redis,) = database["spec"]["template"]["spec"]["containers"]
    pod = shop["spec"]["template"]["spec"]
    (sidecar,), (app,) = pod["initContainers"], pod["containers"]
    with Network(["database", *(each["metadata"]["name"] for each in services)], tmp_path) as network:
        start_redis(network, redis["args"], tmp_path)
        network.start(*TRIXTER, *sidecar["args"], environment={sidecar["env"][0]["name"]: TOKEN})
        environment = {each["name"]: each["value"] for each in app["env"]}
        network.start(sys.executable, "-u", str(APP), environment=environment)
        wait_until(lambda: network.fetch("http://127.0.0.1:8888/health")[0] == 200, "the probes to succeed")
        assert network.fetch("http://shop-chaos:8888/connections")[0] == 401
        token = ["-H", f"Authorization: Bearer {TOKEN}"]
        check_the_application(network, "http://shop:8000/", "http://shop-chaos:8888", *token)


@pytest.mark.parametrize("job", PROJECTS)
def test_the_steps_of_the_workflow_test_a_project(job: str, tmp_path: Path) -> None:
    settings = yaml.safe_load(WORKFLOW.read_text())["jobs"][job]
    profiles = settings.get("strategy", {}).get("matrix", {}).get("profile", [])
    assert set(profiles) <= set(published_profiles())
    (step,) = (each["run"] for each in settings["steps"] if each.get("name") == "Test")
    for name, value in {"github.run_id": "1", "matrix.profile": "".join(profiles[:1])}.items():
        step = step.replace(f"${{{{ {name} }}}}", value)
    assert "${{" not in step
    (tmp_path / "test_project.py").write_text(PROJECTS[job])
    path = f"PATH={Path(tool('pytest')).parent}:{os.environ['PATH']}"
    # Plugins that have nothing to do with it take longer to load than these tests to run.
    light = "PYTEST_ADDOPTS=-p no:schemathesis -p no:asyncio -p no:cacheprovider"
    with Network([], tmp_path) as network:
        start_redis(network, ["redis-server"], tmp_path)
        wait_until(lambda: network.run("redis-cli", "ping").stdout == "PONG\n", "redis-server to answer")
        result = network.run("env", "-C", str(tmp_path), path, light, *shlex.split(step))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout


def kubernetes_objects() -> list[dict[str, Any]]:
    return [each for path in KUBERNETES for each in yaml.safe_load_all(path.read_text())]


def start_redis(network: Network, command: list[str], folder: Path) -> None:
    """Start a server by the words of an image's command, with its data where the test wants it."""
    name, *arguments = command
    assert name == "redis-server"
    network.start(program(name), "--dir", str(folder), *arguments)


def check_the_application(network: Network, app_url: str, api_url: str, *options: str) -> None:
    """Have the application count, fail for want of its database, and count again.

    Args:
        network: Where it runs.
        app_url: Where it answers.
        api_url: Where the API of its proxy answers.
        options: Of curl, for the API.
    """

    def counts() -> bool:
        return network.fetch(app_url)[0] == 200

    wait_until(counts, "the application to count")
    change = ["-X", "PATCH", "-H", "Content-Type: application/json", "-d", TOO_SLOW]
    assert network.fetch(f"{api_url}/connections/_all/delay", *options, *change)[0] == 202
    assert network.fetch(app_url) == (503, "no database: Timeout reading from socket\n")
    # New connections have the defaults.
    wait_until(counts, "the application to count again")
