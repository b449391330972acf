"""The keys and the region that Amazon's own programs keep in ``~/.aws``. Reads two files and nothing else."""

from collections.abc import Mapping
from configparser import ConfigParser, Error
from pathlib import Path

_KEYS = {
    "aws_access_key_id": "AWS_ACCESS_KEY_ID",
    "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "aws_session_token": "AWS_SESSION_TOKEN",
    "region": "AWS_REGION",
    "endpoint_url": "AWS_ENDPOINT_URL",
}


def read_profile(environment: Mapping[str, str], home: Path | None) -> dict[str, str]:
    """Return what the profile in use says, under the names of the variables that would say the same.

    Parameters
    ----------
    environment : mapping
        ``AWS_PROFILE``, ``AWS_SHARED_CREDENTIALS_FILE`` and ``AWS_CONFIG_FILE`` are heeded.
    home : Path or None
        The user's.
    """
    profile = environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE") or "default"
    found: dict[str, str] = {}
    for variable, name, section in (
        ("AWS_CONFIG_FILE", "config", profile if profile == "default" else f"profile {profile}"),
        ("AWS_SHARED_CREDENTIALS_FILE", "credentials", profile),
    ):
        given = environment.get(variable)
        path = Path(given) if given else home / ".aws" / name if home else None
        found |= _read_section(path, section) if path else {}
    return found


def _read_section(path: Path, section: str) -> dict[str, str]:
    # Neither '%' in a key nor a ':' in a name means anything in these files.
    parser = ConfigParser(interpolation=None, delimiters=("=",), strict=False)
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, Error):
        return {}
    if not parser.has_section(section):
        return {}
    values = dict(parser.items(section))
    return {variable: values[name] for name, variable in _KEYS.items() if values.get(name)}
