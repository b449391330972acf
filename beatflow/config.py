"""Settings: flags over environment over repository over user. The only reader of the environment.

Knows no terminal and no repository beyond the place of its configuration file, which is git's:
``.beatflow/config``, section ``[beatflow]``. The user's own file has the same syntax. The identity is git's.

Environment
-----------
``BF_COLOR`` ``BF_PROGRESS`` ``BF_PAGER`` ``BF_EDITOR`` ``BF_ENGINE`` ``BF_DEVICE`` ``BF_DTYPE`` ``BF_RUNTIME``
``BF_MODELS`` ``BF_OFFLINE`` ``BF_MEMORY`` ``BF_LIBRARY`` ``BF_ACCEPT`` ``BF_AUTHOR_NAME`` ``BF_AUTHOR_EMAIL`` set what
their names say; ``NO_COLOR``, ``FORCE_COLOR``, ``PAGER``, ``VISUAL``, ``EDITOR``, ``HF_HUB_OFFLINE``,
``GIT_AUTHOR_NAME`` and ``GIT_AUTHOR_EMAIL`` are heeded after them. ``BF_NOW`` (seconds since 1970 and, if wanted, a
zone: ``1700000000 +0100``) or ``SOURCE_DATE_EPOCH`` stop the clock, for builds and tests that must not differ.
``BEATOVEN_API_KEY`` and ``HF_TOKEN`` are secrets, ``BF_BEATOVEN_URL`` and ``HF_ENDPOINT`` addresses of services: they
are read from nowhere else, kept in no file and never shown. So are what buckets and git hosts are used with:
``AWS_…``, ``AZURE_…``, ``GOOGLE_…``, ``BF_TOKEN_<HOST>``, ``NETRC``, ``GIT_SSH_COMMAND`` and the proxies' variables.
"""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from beatflow.errors import NotFoundError, UsageError
from beatflow.gitconfig import read_config, set_value, unset_value


class Moment(NamedTuple):
    """A point in time and where on earth its clock hung."""

    time: float
    """Seconds since 1970, UTC."""
    offset_minutes: int
    """East of UTC."""


class Identity(NamedTuple):
    """Who makes a change."""

    name: str
    email: str


DEFAULT = "default"
NOBODY = Identity("nobody", "nobody@localhost")

TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_SIZE = r"(\d{1,15}(?:\.\d+)?) ?([KMGT]?)(i?B)?"
_SECRETS = {"beatoven": "BEATOVEN_API_KEY", "huggingface": "HF_TOKEN"}
_ADDRESSES = {"beatoven": "BF_BEATOVEN_URL", "huggingface": "HF_ENDPOINT"}
_TRUE_TERMS = {"kitty", "ghostty", "alacritty", "foot", "wezterm"}
_TRUE_PROGRAMS = {"iTerm.app", "WezTerm", "ghostty", "vscode"}
_SERVICES = ("AWS_", "AZURE_", "GOOGLE_", "BF_TOKEN_")
_NETWORK = {
    "git_ssh_command", "git_ssh", "netrc", "http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file",
    "git_ssl_cainfo", "ssh_auth_sock",
}  # fmt: skip


class Option(NamedTuple):
    """A setting that can be kept in a file."""

    help: str
    default: str | None = None
    environment: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    """What it may look like besides the choices; None where there are choices only, or where anything goes."""
    example: str | None = None

    def allows(self, value: str) -> bool:
        """Say whether it can have a value."""
        if value in self.choices or not (self.choices or self.pattern):
            return True
        return self.pattern is not None and re.fullmatch(self.pattern, value) is not None

    @property
    def words(self) -> str:
        """What may be given, for messages."""
        return ", ".join([*self.choices, *([self.example] if self.example else [])])


OPTIONS = {
    "user.name": Option("Author of commits.", None, ("BF_AUTHOR_NAME", "GIT_AUTHOR_NAME")),
    "user.email": Option("The author's address.", None, ("BF_AUTHOR_EMAIL", "GIT_AUTHOR_EMAIL")),
    "color": Option("Colour in the output.", "auto", ("BF_COLOR",), ("auto", "always", "never")),
    "progress": Option("How progress is shown.", "auto", ("BF_PROGRESS",), ("auto", "json", "none")),
    "pager": Option("Program that shows long output; empty for none.", "less -FRX", ("BF_PAGER", "PAGER")),
    "editor": Option("Program that edits messages.", None, ("BF_EDITOR", "VISUAL", "EDITOR")),
    "engine": Option("Engine of generate, hum and extend, where it can do them.", "auto", ("BF_ENGINE",)),
    "device": Option(
        "Where engines run.",
        "auto",
        ("BF_DEVICE",),
        ("auto", "cpu", "cuda", "mps"),
        r"cuda:\d{1,3}",
        "cuda:N for the GPU with this number",
    ),
    "dtype": Option(
        "Number format in which neural engines compute.",
        "auto",
        ("BF_DTYPE",),
        ("auto", "float32", "float16", "bfloat16", "int8"),
    ),
    "runtime": Option(
        "Library that runs MusicGen's weights.",
        "auto",
        ("BF_RUNTIME",),
        ("auto", "transformers", "audiocraft"),
    ),
    "models": Option("Folder of weights; without one the hub's own cache.", None, ("BF_MODELS",)),
    "offline": Option("Never use the network.", "false", ("BF_OFFLINE", "HF_HUB_OFFLINE"), (*TRUE, *FALSE)),
    "memory": Option(
        "Memory of the device that engines may use.",
        "auto",
        ("BF_MEMORY",),
        ("auto",),
        _SIZE,
        "a size like 6GiB",
    ),
    "library": Option(
        "Database of bf library: a file, or postgresql://user@host/name; else a file of its own.",
        None,
        ("BF_LIBRARY",),
    ),
    "drafts": Option(
        "Which drafts bf watch keeps: for how long all, one an hour, and one a day.",
        "1h,1d,30d",
        ("BF_DRAFTS",),
        (),
        r"\d+[mhdw],\d+[mhdw],\d+[mhdw]",
        "three spans such as 1h,1d,30d",
    ),
    "accept": Option(
        "What is taken from remotes though other disks cannot hold it: links out of the track, clashes of names.",
        "nothing",
        ("BF_ACCEPT",),
        ("nothing", "links", "clashes", "all"),
    ),
}
"""What ``bf config`` knows: name to help, default, environment and choices."""


class Settings(NamedTuple):
    """Everything that can be set, decided."""

    color: str = "auto"
    depth: str = "16"
    """How many colours the terminal shows: ``16``, ``256`` or ``truecolor``."""
    progress: str = "auto"
    quiet: bool = False
    debug: bool = False
    pager: str | None = None
    editor: str | None = None
    engine: str = "auto"
    device: str = "auto"
    dtype: str = "auto"
    runtime: str = "auto"
    models: Path | None = None
    """Folder with a folder of weights per model; None for the hub's own cache."""
    offline: bool = False
    memory_bytes: int | None = None
    """What engines may use at most; None for what is free."""
    library: str | None = None
    """The database of the library, a file or a URL; None for the file in ``state``."""
    accept: str = "nothing"
    """What of remotes is taken though it is refused elsewhere; see `sharing.inspection.Rules`."""
    keys: Mapping[str, str] = {}
    """Service to its secret."""
    addresses: Mapping[str, str] = {}
    """Service to the URL that takes the place of its own."""
    services: Mapping[str, str] = {}
    """Variables that buckets, git hosts and proxies are used with; secrets among them."""
    home: Path | None = None
    """The user's home."""
    state: Path | None = None
    """The user's folder for what must outlive a run."""
    identity: Identity = NOBODY
    now: Moment | None = None
    origins: Mapping[str, str] = {}
    """Setting to where its value came from: ``default``, ``$BF_COLOR``, a file, or ``flag``."""
    values: Mapping[str, str] = {}
    """Setting to its value as text; only those that have one."""

    def __repr__(self) -> str:
        """Show what may be seen by anybody: no secrets."""
        shown = (
            f"{name}={value!r}" for name, value in self._asdict().items() if name not in ("keys", "services")
        )
        return f"Settings({', '.join(shown)})"


def completing() -> bool:
    """Whether the shell asks for completions."""
    return "_BF_COMPLETE" in os.environ


def repository_config_path(directory: Path) -> Path | None:
    """The configuration file of the repository around a folder."""
    for folder in (directory, *directory.parents):
        path = folder / ".beatflow" / "config"
        if path.is_file():
            return path
    return None


def user_config_path() -> Path:
    """The user's own configuration file."""
    if sys.platform == "linux":
        # What platformdirs says there; loading it is 3 % of a quick command.
        return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config", "beatflow", "config")
    from platformdirs import user_config_path as folder

    return folder("beatflow") / "config"


def user_state_path() -> Path:
    """The user's own folder for what BeatFlow must remember between runs."""
    if sys.platform == "linux":
        return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state", "beatflow")
    from platformdirs import user_state_path as folder

    return folder("beatflow")


def git_key(name: str) -> str:
    """A setting's name inside a git configuration file."""
    return name if "." in name else f"beatflow.{name}"


def get_option(name: str) -> Option:
    """Look up a setting.

    Raises
    ------
    UsageError
        There is no such setting.
    """
    if name not in OPTIONS:
        raise UsageError(f"no setting {name!r}", hint=f"there are {', '.join(OPTIONS)}")
    return OPTIONS[name]


def check_value(name: str, value: str, origin: str) -> None:
    """Refuse a value that the setting cannot have.

    Raises
    ------
    UsageError
        The value is not among the choices.
    """
    option = get_option(name)
    if not option.allows(value):
        raise UsageError(f"{name} cannot be {value!r} ({origin})", hint=f"one of {option.words}")


def share_cores() -> None:
    """Have numpy's library compute on one thread, unless somebody wants it otherwise; it reads this when it is loaded.

    The store's own threads keep every core busy, and the library's would fight them for it.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


Layers = list[tuple[str, dict[str, str]]]
"""Configuration files from strongest to weakest: path and values."""


def load_settings(
    directory: Path, flags: Mapping[str, str | bool | None], layers: Layers | None = None
) -> Settings:
    """Decide every setting for a command run in ``directory``; None among the flags means not given.

    ``layers`` are what `read_layers` gave for that folder, where it was asked before.
    """
    environment = dict(os.environ)
    values: dict[str, str] = {}
    origins: dict[str, str] = {}
    files = read_layers(directory) if layers is None else layers
    for name in OPTIONS:
        found = _find(name, flags, environment, files)
        if found is not None:
            value, origins[name] = found
            # Programs write True and TRUE into the environment as well.
            values[name] = value.lower() if name == "offline" else value
            if origins[name] != DEFAULT:
                check_value(name, values[name], origins[name])
    pager = None if flags.get("no_pager") or environment.get("TERM") == "dumb" else values.get("pager")
    return Settings(
        color=values["color"],
        depth=_find_depth(environment),
        progress=values["progress"],
        quiet=bool(flags.get("quiet")),
        debug=bool(flags.get("debug")),
        pager=pager if pager and pager != "cat" else None,
        editor=values.get("editor"),
        engine=values["engine"],
        device=values["device"],
        dtype=values["dtype"],
        runtime=values["runtime"],
        models=_folder(directory, values.get("models")),
        offline=values["offline"] in TRUE,
        memory_bytes=_parse_size(values["memory"]),
        library=values.get("library"),
        accept=values["accept"],
        keys=_pick(environment, _SECRETS),
        addresses=_pick(environment, _ADDRESSES),
        services=_pick_services(environment),
        home=_find_home(environment),
        state=user_state_path(),
        identity=_identity(values, environment),
        now=_fixed_now(environment),
        origins=origins,
        values=values,
    )


def change_setting(directory: Path, name: str, value: str | None, user: bool) -> Path:
    """Keep a value for good, or forget it with None; in the repository around the folder or for the user.

    Raises
    ------
    UsageError
        There is no such setting, or it cannot have this value.
    NotFoundError
        No repository is here, and it was not for the user.
    """
    get_option(name)
    if value is not None:
        check_value(name, value, "given")
    path = user_config_path() if user else repository_config_path(directory)
    if path is None:
        raise NotFoundError(
            "not in a repository", hint=f"bf config --user {name} … keeps it for all of yours"
        )
    text = path.read_text(encoding="utf-8", errors="surrogateescape") if path.exists() else ""
    key = git_key(name)
    changed = unset_value(text, key) if value is None else set_value(text, key, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written beside and moved over, so that no reader sees half a file.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_text(changed, encoding="utf-8", errors="surrogateescape")
    temporary.replace(path)
    return path


def read_layers(directory: Path) -> Layers:
    """Read the configuration files that hold for a folder."""
    home = _find_home(os.environ)
    xdg = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    repository = repository_config_path(directory)
    paths = [user_config_path(), home / ".gitconfig", xdg / "git" / "config"]
    if repository:
        paths.insert(0, repository)
    return [(str(path), read_config(path, home)) for path in paths]


def _find(
    name: str,
    flags: Mapping[str, str | bool | None],
    environment: Mapping[str, str],
    files: Layers,
) -> tuple[str, str] | None:
    """A setting's value and where it came from."""
    option = OPTIONS[name]
    flag = flags.get(name)
    if isinstance(flag, str):
        return flag, "flag"
    for variable in option.environment:
        value = environment.get(variable)
        # An empty PAGER means none; any other empty variable counts as not set.
        if value or (value is not None and name == "pager"):
            return value, f"${variable}"
    if name == "color":
        if environment.get("NO_COLOR"):
            return "never", "$NO_COLOR"
        if environment.get("FORCE_COLOR", "0") not in ("", "0"):
            return "always", "$FORCE_COLOR"
    for path, known in files:
        value = known.get(git_key(name))
        if value is not None:
            return value, path
    if name == "color" and environment.get("TERM") == "dumb":
        return "never", "$TERM"
    return (option.default, DEFAULT) if option.default is not None else None


def _find_depth(environment: Mapping[str, str]) -> str:
    """How many colours a terminal shows: as it says itself, or as its kind is known to.

    ``FORCE_COLOR`` of 1, 2 or 3 outweighs both, as it does for other programs.
    """
    forced = {"1": "16", "2": "256", "3": "truecolor"}.get(environment.get("FORCE_COLOR", ""))
    if forced:
        return forced
    term = environment.get("TERM", "")
    true = (
        environment.get("COLORTERM", "").lower() in ("truecolor", "24bit")
        or "direct" in term
        or term.removeprefix("xterm-") in _TRUE_TERMS
        or environment.get("TERM_PROGRAM") in _TRUE_PROGRAMS
        or "WT_SESSION" in environment
    )
    return "truecolor" if true else "256" if "256" in term else "16"


def _folder(directory: Path, value: str | None) -> Path | None:
    return directory / Path(value).expanduser() if value else None


def _parse_size(text: str) -> int | None:
    """Bytes that ``6GiB``, ``6 GB``, ``6G`` or ``500000000`` mean; a letter alone counts in 1024s."""
    match = None if text == "auto" else re.fullmatch(_SIZE, text)
    if not match:
        return None
    number, letter, unit = match.groups()
    base = 1000 if unit == "B" else 1024
    return int(float(number) * base ** " KMGT".index(letter or " "))


def _pick(environment: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    return {name: environment[variable] for name, variable in names.items() if environment.get(variable)}


def _pick_services(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if value and (name.startswith(_SERVICES) or name.lower() in _NETWORK)
    }


def _find_home(environment: Mapping[str, str]) -> Path:
    return Path(environment["HOME"]) if environment.get("HOME") else Path.home()


def _identity(values: Mapping[str, str], environment: Mapping[str, str]) -> Identity:
    """The author: what is configured, otherwise login name and host name, without complaint."""
    name, email = values.get("user.name"), values.get("user.email")
    if name and email:
        return Identity(_one_line(name), _one_line(email))
    login = next(
        (environment[key] for key in ("LOGNAME", "USER", "USERNAME") if environment.get(key)), "musician"
    )
    host = os.uname().nodename if hasattr(os, "uname") else environment.get("COMPUTERNAME", "localhost")
    return Identity(_one_line(name or login), _one_line(email or f"{login}@{host or 'localhost'}"))


def _one_line(text: str) -> str:
    """Git's commit format has no room for <, > and line ends in a name."""
    plain = text.encode("utf-8", "replace").decode()
    return re.sub(r"[<>\x00-\x1f]", "", plain).strip() or "nobody"


def _fixed_now(environment: Mapping[str, str]) -> Moment | None:
    text = environment.get("BF_NOW") or environment.get("SOURCE_DATE_EPOCH")
    if not text:
        return None
    match = re.fullmatch(r"(\d{1,11}(?:\.\d+)?)(?:\s+([+-])(\d\d)(\d\d))?", text.strip())
    if not match:
        raise UsageError(
            f"BF_NOW is not a time: {text!r}", hint="seconds since 1970 and a zone: 1700000000 +0100"
        )
    seconds, sign, hours, minutes = match.groups()
    offset = (int(hours) * 60 + int(minutes)) * (-1 if sign == "-" else 1) if sign else 0
    return Moment(float(seconds), offset)
