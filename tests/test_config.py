"""Settings: syntax, precedence, identity."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beatflow.config import Identity, Moment, load_settings
from beatflow.errors import UsageError
from beatflow.gitconfig import parse_config, read_config, set_value, unset_value
from tests.conftest import Bf

SAMPLE = """\
# a comment
[core]
\tbare = true
[user]
  name = "Ada ; L." ; why
\temail = ada@example.com   # here
[Remote "Origin"] url = a\\
b
[x]
flag
empty =
[broken
= nothing
"""


def test_reads_gits_syntax() -> None:
    assert parse_config(SAMPLE) == {
        "core.bare": "true",
        "user.name": "Ada ; L.",
        "user.email": "ada@example.com",
        "remote.Origin.url": "ab",
        "x.flag": "true",
        "x.empty": "",
    }


def test_setting_keeps_the_rest_as_written() -> None:
    changed = set_value(SAMPLE, "core.bare", "false")
    assert changed == SAMPLE.replace("\tbare = true", "\tbare = false")
    assert unset_value(changed, "core.bare") == SAMPLE.replace("\tbare = true\n", "")
    assert parse_config(set_value(SAMPLE, "core.other", "1"))["core.other"] == "1"
    assert set_value("", "beatflow.color", "never") == "[beatflow]\n\tcolor = never\n"


@given(
    st.text(
        st.characters(exclude_characters="\0\r", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=40
    )
)
def test_any_value_survives(value: str) -> None:
    text = set_value(SAMPLE, "beatflow.pager", value)
    assert parse_config(text)["beatflow.pager"] == value
    assert parse_config(unset_value(text, "beatflow.pager")) == parse_config(SAMPLE)


@given(st.text(max_size=200))
def test_no_text_is_too_strange_to_read(text: str) -> None:
    parse_config(text)


def test_follows_includes_but_not_forever(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("[include]\n\tpath = b\n[user]\n\tname = A\n")
    (tmp_path / "b").write_text("[include]\n\tpath = a\n[user]\n\tname = B\n\temail = b@b\n")
    assert read_config(tmp_path / "a") == {"user.name": "A", "user.email": "b@b"}
    assert read_config(tmp_path / "missing") == {}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a track in it, and no identity in the environment."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.delenv("BF_AUTHOR_NAME")
    monkeypatch.delenv("BF_AUTHOR_EMAIL")
    track = tmp_path / "track" / "stems"
    (track.parent / ".beatflow").mkdir(parents=True)
    track.mkdir()
    return track


def test_flags_over_environment_over_repository_over_user(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def color(**flags: str) -> tuple[str, str]:
        settings = load_settings(place, flags)
        return settings.color, settings.origins["color"]

    assert color() == ("auto", "default")
    user = place.parents[1] / ".config" / "beatflow" / "config"
    user.parent.mkdir(parents=True)
    user.write_text("[beatflow]\ncolor = always\n")
    assert color() == ("always", str(user))
    repository = place.parent / ".beatflow" / "config"
    repository.write_text("[beatflow]\ncolor = never\n")
    assert color() == ("never", str(repository))
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert color() == ("always", "$FORCE_COLOR")
    monkeypatch.setenv("NO_COLOR", "1")
    assert color() == ("never", "$NO_COLOR")
    monkeypatch.setenv("BF_COLOR", "auto")
    assert color() == ("auto", "$BF_COLOR")
    assert color(color="always") == ("always", "flag")


def test_bad_values_name_their_origin(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BF_PROGRESS", "loud")
    with pytest.raises(UsageError, match=r"progress cannot be 'loud' \(\$BF_PROGRESS\)"):
        load_settings(place, {})


def test_identity(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "ada")
    monkeypatch.delenv("LOGNAME", raising=False)
    assert load_settings(place, {}).identity.name == "ada"
    assert load_settings(place, {}).identity.email.startswith("ada@")
    (place.parents[1] / ".gitconfig").write_text("[user]\n\tname = Ada <L>\n\temail = a@b\n")
    assert load_settings(place, {}).identity == Identity("Ada L", "a@b")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Git")
    monkeypatch.setenv("BF_AUTHOR_EMAIL", "bf@b")
    assert load_settings(place, {}).identity == Identity("Git", "bf@b")


@pytest.mark.parametrize(
    ("text", "moment"),
    [("1700000000", Moment(1.7e9, 0)), ("12.5 -0130", Moment(12.5, -90)), ("7 +0530", Moment(7, 330))],
)
def test_fixed_clock(text: str, moment: Moment, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BF_NOW", text)
    assert load_settings(place, {}).now == moment


def test_no_clock(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BF_NOW", "noon")
    with pytest.raises(UsageError, match="BF_NOW"):
        load_settings(place, {})


def test_config_command(bf: Bf) -> None:
    (bf.directory / ".beatflow").mkdir()
    (bf.directory / ".beatflow" / "config").write_text("[core]\n\tbare = true\n")
    assert bf.ok("config", "color", "never").stderr.startswith("set color in ")
    assert bf.ok("config", "color").stdout == "never\n"
    assert bf.ok("config", "color", "--json").json["settings"][0]["origin"].endswith("config")
    bf.ok("config", "--unset", "color")
    assert (bf.directory / ".beatflow" / "config").read_text() == "[core]\n\tbare = true\n[beatflow]\n"
    assert "meaning" in bf.ok("config").stdout
    assert "cannot be 'blue'" in bf.fails(2, "config", "color", "blue")
    bf.fails(2, "config", "--unset")
    bf.fails(2, "config", "--unset", "color", "never")


def test_config_outside_a_repository(bf: Bf) -> None:
    assert bf.fails(3, "config", "color", "never").startswith(
        "error: not in a repository\nhint: bf config --user"
    )


def test_what_engines_are_given(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(place, {})
    assert (settings.device, settings.dtype, settings.runtime) == ("auto", "auto", "auto")
    assert (settings.models, settings.offline, settings.memory_bytes) == (None, False, None)
    assert (dict(settings.keys), dict(settings.addresses)) == ({}, {})
    monkeypatch.setenv("XDG_STATE_HOME", "/elsewhere")
    monkeypatch.setenv("BF_MODELS", "weights")
    monkeypatch.setenv("BF_DEVICE", "cuda:3")
    monkeypatch.setenv("BF_MEMORY", "6GiB")
    settings = load_settings(place, {"dtype": "int8"})
    assert settings.state == Path("/elsewhere/beatflow")
    assert (settings.models, settings.device, settings.dtype) == (place / "weights", "cuda:3", "int8")
    assert settings.memory_bytes == 6 << 30


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("500000", 500_000),
        ("8GB", 8 * 10**9),
        ("8 GiB", 8 << 30),
        ("1.5G", 3 << 29),
        ("64KiB", 65_536),
        ("auto", None),
    ],
)
def test_sizes(text: str, size: int | None, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BF_MEMORY", text)
    assert load_settings(place, {}).memory_bytes == size


@pytest.mark.parametrize(
    ("variable", "value", "offline"),
    [
        ("BF_OFFLINE", "1", True),
        ("HF_HUB_OFFLINE", "TRUE", True),
        ("BF_OFFLINE", "No", False),
        ("BF_OFFLINE", "", False),
    ],
)
def test_offline(
    variable: str, value: str, offline: bool, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    assert load_settings(place, {}).offline is offline


@pytest.mark.parametrize(
    ("variable", "value", "hint"),
    [
        ("BF_DEVICE", "cuda:x", "cuda:N"),
        ("BF_MEMORY", "much", "6GiB"),
        ("BF_OFFLINE", "2", "true"),
        ("BF_DTYPE", "f8", "int8"),
    ],
)
def test_values_that_engines_cannot_have(
    variable: str, value: str, hint: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match=rf"cannot be '{value}' \(\${variable}\)") as caught:
        load_settings(place, {})
    assert caught.value.hint is not None
    assert hint in caught.value.hint


def test_secrets_are_read_and_never_shown(bf: Bf, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEATOVEN_API_KEY", "s3cret")
    monkeypatch.setenv("BF_BEATOVEN_URL", "http://localhost:1")
    settings = load_settings(place, {})
    assert settings.keys == {"beatoven": "s3cret"}
    assert settings.addresses == {"beatoven": "http://localhost:1"}
    assert "s3cret" not in repr(settings)
    shown = bf.ok("config", "--json")
    assert "s3cret" not in shown.stdout + shown.stderr
    assert "no setting 'beatoven'" in bf.fails(2, "config", "beatoven", "x")
