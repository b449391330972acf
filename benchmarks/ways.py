"""The ways in which programs give their versions of sound to somebody else, and the commands that their users type.

Commands are split at spaces and then filled in: ``{remote}`` is where a track is pushed to, ``{git}`` where the other
half of DVC's goes, ``{message}``, ``{tops}`` as in `benchmarks.tools`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

_GIT_COMMIT = ("git add -A", "git commit -q -m {message}")


@dataclass(frozen=True)
class Way:
    """One program over one kind of remote: ``folder``, ``s3`` or ``git`` (a host with LFS)."""

    name: str
    remote: str
    programs: tuple[str, ...]
    init: tuple[str, ...]
    commit: tuple[str, ...]
    push: tuple[str, ...]
    clone: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


_BF_INIT = ("bf init", "bf remote add origin {remote}")
_BF = {
    "programs": ("bf",),
    "init": _BF_INIT,
    "commit": ("bf commit -m {message}",),
    "push": ("bf push",),
    "clone": ("bf clone {remote} {to}",),
}
_LFS_INIT = (
    "git init -q -b main",
    "git lfs install",
    "git lfs track *.wav",
    "git remote add origin {remote}",
)
WAYS = (
    Way("bf, folder", "folder", **_BF),  # type: ignore[arg-type]
    Way("bf, S3", "s3", **_BF),  # type: ignore[arg-type]
    Way("bf, LFS host", "git", **_BF),  # type: ignore[arg-type]
    Way(
        "git-lfs, LFS host",
        "git",
        ("git", "git-lfs"),
        init=_LFS_INIT,
        commit=_GIT_COMMIT,
        push=("git push -q origin HEAD:main",),
        clone=("git clone -q {remote} {to}", "git -C {to} lfs fetch --all"),
    ),
    Way(
        "DVC, S3",
        "s3",
        ("git", "dvc"),
        init=(
            "git init -q -b main",
            "dvc init -q",
            "dvc config core.analytics false",
            "dvc config core.check_update false",
            "dvc remote add -q -d o {remote}",
            "dvc remote modify -q o endpointurl {endpoint}",
            "git remote add origin {git}",
        ),
        commit=("dvc add -q {tops}", *_GIT_COMMIT),
        push=("dvc push -q", "git push -q origin HEAD:main"),
        clone=(
            "git clone -q {git} {to}",
            "dvc --cd {to} fetch -q --all-commits",
            "dvc --cd {to} checkout -q",
        ),
        environment={"DVC_NO_ANALYTICS": "1", "DO_NOT_TRACK": "1"},
    ),
)
