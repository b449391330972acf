"""From an address to obstore's store: which service, which keys, how long is waited.

Keys come from the usual places and go nowhere but into the store.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from beatflow.errors import EngineError, UsageError
from beatflow.places.address import Address
from beatflow.places.bucket.profile import read_profile
from beatflow.places.place import PlaceError

if TYPE_CHECKING:
    from obstore.store import AzureStore, GCSStore, S3Store

    Store = AzureStore | GCSStore | S3Store

_RETRIES: Any = {
    "max_retries": 3,
    "retry_timeout": timedelta(seconds=90),
    "backoff": {
        "init_backoff": timedelta(milliseconds=200),
        "max_backoff": timedelta(seconds=5),
        "base": 2,
    },
}
# The time to read begins when a request does, so that it is also that in which a part of 5 MiB must have gone up.
_PATIENCE = {"connect_timeout": "8s", "timeout": "30m"}
_READ_TIMEOUT, _WRITE_TIMEOUT = "45s", "300s"

_S3 = {
    "access_key_id": ("AWS_ACCESS_KEY_ID",),
    "secret_access_key": ("AWS_SECRET_ACCESS_KEY",),
    "session_token": ("AWS_SESSION_TOKEN",),
    "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
}
_ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": ("GOOGLE_BASE_URL", "STORAGE_EMULATOR_HOST"),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
}
_OTHER_KEYS = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_SKIP_SIGNATURE",
)
"""Variables that obstore finds keys by itself with."""


class Stores(NamedTuple):
    """One bucket, opened with as much patience as each kind of request needs."""

    reading: "Store"
    writing: "Store"
    swapping: "Store"
    """Sends nothing twice: what is refused the second time may have been done the first time."""


def open_store(
    address: Address,
    endpoint: str | None,
    region: str | None,
    environment: Mapping[str, str],
    home: Path | None,
) -> "Stores":
    """Open what an address of a bucket names, for each kind of request. Nothing is asked of it yet.

    Raises
    ------
    EngineError
        obstore is not installed.
    UsageError
        The endpoint is no URL.
    PlaceError
        There are no keys, or files that should hold them do not.
    """
    try:
        from obstore.exceptions import BaseError
    except ImportError as error:
        raise EngineError(
            f"{address.scheme}:// wants the package obstore", 'pip install "beatflow[remote]"'
        ) from error
    if endpoint is None:
        endpoint = next(
            (environment[name] for name in _ENDPOINTS[address.scheme] if environment.get(name)), None
        )

    def open_patient(read_timeout: str, retries: Any = _RETRIES) -> "Store":
        options: dict[str, Any] = {
            "client_options": {**_PATIENCE, "read_timeout": read_timeout},
            "retry_config": retries,
            "prefix": address.prefix or None,
        }
        if address.scheme == "s3":
            return _open_s3(address, endpoint, region, environment, home, options)
        return _open_other(address, endpoint, options)

    try:
        return Stores(
            open_patient(_READ_TIMEOUT),
            open_patient(_WRITE_TIMEOUT),
            open_patient(_READ_TIMEOUT, {**_RETRIES, "max_retries": 0}),
        )
    except (BaseError, ValueError) as error:
        # The text of these may hold what they were given.
        raise PlaceError(
            f"{address.text} cannot be opened: {_explain(str(error))}", _HINTS[address.scheme]
        ) from None


_HINTS = {
    "s3": "export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…, or aws configure",
    "gs": "export GOOGLE_APPLICATION_CREDENTIALS=key.json, or gcloud auth application-default login",
    "az": "export AZURE_STORAGE_ACCOUNT_NAME=… AZURE_STORAGE_ACCOUNT_KEY=…",
}


def key_hint(scheme: str) -> str:
    """Return how keys for a kind of bucket are given."""
    return _HINTS[scheme]


def _open_s3(
    address: Address,
    endpoint: str | None,
    region: str | None,
    environment: Mapping[str, str],
    home: Path | None,
    options: dict[str, Any],
) -> "S3Store":
    from obstore.store import S3Store

    known = {
        **read_profile(environment, home),
        **{name: value for name, value in environment.items() if value},
    }
    if environment.get("AWS_ACCESS_KEY_ID") and not environment.get("AWS_SESSION_TOKEN"):
        known.pop("AWS_SESSION_TOKEN", None)  # it is of the profile's key
    config: dict[str, Any] = {
        key: next(known[name] for name in names if name in known)
        for key, names in _S3.items()
        if any(name in known for name in names)
    }
    endpoint = endpoint or known.get("AWS_ENDPOINT_URL")
    if region:
        config["region"] = region
    if endpoint:
        config["endpoint"] = _check_endpoint(endpoint, options)
    config.setdefault("region", "us-east-1")
    if "access_key_id" not in config and not any(environment.get(name) for name in _OTHER_KEYS):
        if endpoint or environment.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
            raise PlaceError(f"there are no keys for {address.text}", _HINTS["s3"])
        # A machine at Amazon is asked for its own; any other answers nothing, and need not be asked for long.
        options["client_options"]["connect_timeout"] = "2s"
    return S3Store(
        address.bucket,
        config=config,  # type: ignore[arg-type]  # a TypedDict, put together key by key
        **options,
    )


def _open_other(address: Address, endpoint: str | None, options: dict[str, Any]) -> "AzureStore | GCSStore":
    from obstore.store import AzureStore, GCSStore

    config: dict[str, Any] = {}
    if address.scheme == "gs":
        if endpoint:
            config["base_url"] = _check_endpoint(endpoint, options)
        return GCSStore(
            address.bucket,
            config=config,  # type: ignore[arg-type]
            **options,
        )
    if endpoint:
        config["endpoint"] = _check_endpoint(endpoint, options)
    return AzureStore(
        container_name=address.bucket,
        config=config,  # type: ignore[arg-type]  # a TypedDict, put together key by key
        **options,
    )


def _check_endpoint(endpoint: str, options: dict[str, Any]) -> str:
    """Return an endpoint without a slash at its end; who writes ``http://`` wants no encryption."""
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(f"{endpoint!r} is no endpoint", "a URL like https://s3.example.com")
    if parts.username or parts.password:
        raise UsageError("an endpoint has no user and no password", _HINTS["s3"])
    if parts.scheme == "http":
        options["client_options"]["allow_http"] = True
    return endpoint.rstrip("/")


def _explain(text: str) -> str:
    """Say what a store could not be opened for, in words that are not the library's."""
    if re.search(r"account (name )?must be specified|account name", text, re.IGNORECASE):
        return "no account is named"
    if re.search(r"credential|No such file|decode|key", text, re.IGNORECASE):
        return "its keys cannot be read"
    return "its settings make no sense"
