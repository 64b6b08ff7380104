"""A Dockerfile's instructions, executed without Docker: a stage is a layer over the root of this machine.

The official parser reads the file. ``RUN`` commands, and what is run in the image, run in that root by
``chroot``, in a mount namespace of their own, where the Python of the tests stands in place of the base
image's. Only root may do that.
"""

from __future__ import annotations

import fnmatch
import os
import shutil
import string
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

# That of the base image.
BASE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# What `docker build` and its configuration pass on, so that pip finds its index.
PASSED_ON = ("PIP_", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")

# $0: the folder of the stage. $1: the home of the Python, which is /usr/local in the base image. $2: how the
# root is mounted.
ENTER = """
mount -t overlay overlay -o "lowerdir=/,upperdir=$0/layer,workdir=$0/work" "$0/root"
mount --rbind /dev "$0/root/dev"
mount --rbind /proc "$0/root/proc"
mount --bind "$1" "$0/root/usr/local"
mount -o "remount,$2" "$0/root"
shift 2
exec chroot "$@"
"""


@dataclass
class Stage:
    """One stage of a build: the files that it adds, and its configuration.

    Args:
        folder: Holds the layer, and what it takes to mount it.
    """

    folder: Path
    working_directory: str = "/"
    user: str = "0"
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": BASE_PATH})
    entrypoint: tuple[str, ...] = ()
    health_check: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("layer", "work", "root"):
            (self.folder / name).mkdir(parents=True)

    def inside(self, path: str) -> Path:
        """Return where a path of the image is in its layer."""
        return self.folder / "layer" / os.path.normpath(Path(self.working_directory, path)).lstrip("/")

    def words(self, *command: str, mounted: str = "rw", **environment: str) -> list[str]:
        """Return the words that run a command as ``docker run`` would: as the user, with the environment.

        Args:
            command: The command.
            mounted: ``ro`` for a root that cannot be written to.
            environment: More variables.
        """
        variables = [f"{name}={value}" for name, value in (self.environment | environment).items()]
        enter = ["unshare", "--mount", "sh", "-ec", ENTER, str(self.folder), sys.base_prefix, mounted]
        go = 'cd "$0" && exec "$@"'
        root = str(self.folder / "root")
        run = ["env", "-i", *variables, "sh", "-c", go, self.working_directory, *command]
        return [*enter, f"--userspec={self.user}:{self._group()}", "--groups=", root, *run]

    def run(self, *command: str, **environment: str) -> None:
        """Run a command to its end.

        Raises:
            subprocess.CalledProcessError: If its exit status is not 0.
        """
        subprocess.run(self.words(*command, **environment), check=True, stdin=subprocess.DEVNULL)

    def _group(self) -> str:
        accounts = self.inside("/etc/passwd")
        lines = accounts.read_text().splitlines() if accounts.exists() else []
        fields = [line.split(":") for line in lines]
        return next((each[3] for each in fields if each[2] == self.user), "0")


def is_ignored(path: Path, patterns: Sequence[str]) -> bool:
    """Return whether a ``.dockerignore`` excludes a file: the last pattern that matches decides."""
    ignored = False
    names = [str(path), *map(str, path.parents)]
    for pattern in patterns:
        wanted = pattern.removeprefix("!")
        if any(fnmatch.fnmatch(f"/{name}" if wanted.startswith("**/") else name, wanted) for name in names):
            ignored = not pattern.startswith("!")
    return ignored


def context_of(folder: Path) -> list[Path]:
    """Return the files that a build may copy, relative to the folder."""
    lines = (folder / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return [path for path in files if not is_ignored(path, patterns)]


def build(context: Path, dockerfile: Path, folder: Path) -> Stage:
    """Execute a Dockerfile; return its last stage.

    Args:
        context: The folder that ``COPY`` copies from.
        dockerfile: The file.
        folder: An empty one, for the stages.

    Raises:
        NotImplementedError: If there is an instruction that this module does not know.
        subprocess.CalledProcessError: If a ``RUN`` command fails.
    """
    stages: dict[str, Stage] = {}
    stage = Stage(folder / "none")
    for step in import_module("dockerfile").parse_file(str(dockerfile)):
        if step.cmd.upper() == "FROM":
            name = step.value[2] if len(step.value) > 2 else str(len(stages))
            stage = stages[name] = Stage(folder / name)
            stage.run("ldconfig")  # the loader's list is of the machine's own Python
        else:
            _execute(step, stage, stages, context)
    return stage


def _execute(step: Any, stage: Stage, stages: Mapping[str, Stage], context: Path) -> None:
    match step.cmd.upper():
        case "WORKDIR":
            stage.working_directory = step.value[0]
            stage.inside(".").mkdir(parents=True, exist_ok=True)
        case "COPY":
            _copy(step, stage, stages, context)
        case "RUN":
            passed_on = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
            stage.run("sh", "-c", *step.value, **passed_on)
        case "ENV":
            for name, value in zip(step.value[::2], step.value[1::2], strict=True):
                stage.environment[name] = string.Template(value).substitute(stage.environment)
        case "USER":
            stage.user = step.value[0]
        case "HEALTHCHECK":
            stage.health_check = step.value[1:]
        case "ENTRYPOINT":
            stage.entrypoint = step.value
        case "LABEL" | "EXPOSE":
            pass
        case other:
            raise NotImplementedError(other)


def _copy(step: Any, stage: Stage, stages: Mapping[str, Stage], context: Path) -> None:
    *sources, target = step.value
    if step.flags:
        (flag,) = step.flags
        other = stages[flag.removeprefix("--from=")]
        for source in sources:
            shutil.copytree(other.inside(source), stage.inside(target), symlinks=True)
        return
    for source in sources:
        copied = list(_below(Path(source), context_of(context)))
        assert copied, f"COPY {source}: .dockerignore leaves nothing of it"
        for path, name in copied:
            place = stage.inside(target) / (name if name.parts else path.name)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(context / path, place)


def _below(source: Path, files: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    """Yield the files at or below a path, each with its name below that."""
    for path in files:
        if path.is_relative_to(source):
            yield path, path.relative_to(source)
