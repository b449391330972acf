"""Addresses as people write them."""

from pathlib import Path

import pytest

from beatflow.errors import UsageError
from beatflow.places.address import AddressKind, parse_address

BASE = Path("/music")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("stick", "/music/stick"),
        ("../stick/./a", "/stick/a"),
        ("/media/ada/STICK", "/media/ada/STICK"),
        ("file:///media/my%20stick", "/media/my stick"),
        ("file://localhost/media", "/media"),
        ("a:b", "/music/a:b"),
        ("./host:track", "/music/host:track"),
        ("ä ö", "/music/ä ö"),
    ],
)
def test_folders(text: str, path: str) -> None:
    address = parse_address(text, BASE)
    assert (address.kind, address.path, address.text) == (AddressKind.FOLDER, Path(path), path)
    assert parse_address(address.text, Path("/elsewhere")) == address


@pytest.mark.parametrize(
    ("text", "bucket", "prefix", "whole"),
    [
        ("s3://label", "label", "", "s3://label"),
        ("S3://label/", "label", "", "s3://label"),
        ("s3a://label/a/b/", "label", "a/b", "s3://label/a/b"),
        ("gcs://label/night drive", "label", "night drive", "gs://label/night drive"),
        ("abfss://label/a", "label", "a", "az://label/a"),
    ],
)
def test_buckets(text: str, bucket: str, prefix: str, whole: str) -> None:
    address = parse_address(text, BASE)
    assert (address.kind, address.bucket, address.prefix) == (AddressKind.BUCKET, bucket, prefix)
    assert address.text == whole
    assert parse_address(whole, BASE) == address


@pytest.mark.parametrize(
    ("text", "scheme", "whole", "password"),
    [
        ("https://github.com/ada/track.git", "https", "https://github.com/ada/track.git", None),
        ("https://ada:p%40ss@host:8443/t.git", "https", "https://ada@host:8443/t.git", "p@ss"),
        ("ssh://git@host/t.git", "ssh", "ssh://git@host/t.git", None),
        ("git@github.com:ada/track.git", "ssh", "git@github.com:ada/track.git", None),
        ("host:track", "ssh", "host:track", None),
        ("http://[::1]:3000/t.git", "http", "http://[::1]:3000/t.git", None),
    ],
)
def test_git_hosts(text: str, scheme: str, whole: str, password: str | None) -> None:
    address = parse_address(text, BASE)
    assert (address.kind, address.scheme, address.text) == (AddressKind.GIT, scheme, whole)
    assert address.password == password
    assert "p@ss" not in repr(address)
    assert parse_address(whole, BASE).text == whole


@pytest.mark.parametrize(
    "text",
    [
        "",
        " s3://a",
        "a\nb",
        "ftp://host/a",
        "s3://",
        "s3://-/a",
        "s3://label/../other",
        "s3://label/a//b",
        "s3://label/a?x",
        "s3://key:secret@label/a",
        "file://server/share",
        "file://relative",
        "https:///track.git",
        "https://host:port/t.git",
        "ssh://-oProxyCommand=x/t.git",
        "ssh://-oProxyCommand=x@host/t.git",
        "-oProxyCommand=x:y",
        "https://host/t.git#main",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_address(text, BASE)
    assert "secret" not in caught.value.message
    assert caught.value.hint
