"""A real PostgreSQL on loopback, of the programs that the system has; gone with the test run."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from tests.servers import free_ports, running, wait_for

_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").is_dir() else []


def find_programs() -> Path | None:
    """Return the folder with PostgreSQL's programs, the newest there are; None where there are none."""
    here = [folder for folder in _FOLDERS if (folder / "initdb").exists() and (folder / "postgres").exists()]
    if here:
        return max(here, key=lambda folder: int(folder.parent.name) if folder.parent.name.isdigit() else 0)
    found = shutil.which("initdb")
    return Path(found).parent if found and shutil.which("postgres") else None


@contextmanager
def postgres() -> Iterator[str]:
    """Run a server, and give the URL of an empty database in it; it refuses to be root's."""
    programs = find_programs()
    assert programs
    folder = Path(mkdtemp(prefix="beatflow-postgres-"))
    (port,) = free_ports(1)
    log = folder / "log"
    become = []
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    data = folder / "data"
    try:
        subprocess.run(
            [
                *become, programs / "initdb", "-D", data, "-A", "trust", "-U", "beatflow", "-E", "UTF8",
                "--locale=C", "--no-sync",
            ],
            check=True, capture_output=True, cwd="/",
        )  # fmt: skip
        command = [
            *become, str(programs / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-F",
            "-c", "unix_socket_directories=", "-c", "max_connections=20", "-c", "shared_buffers=16MB",
        ]  # fmt: skip
        with running(command, log) as process:
            wait_for(port, process, log)
            yield f"postgresql://beatflow@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
