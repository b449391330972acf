"""What a bucket's complaints mean: from obstore's errors to ours.

Their text is looked at, never shown: it holds whole URLs, and in Azure's those are keys. Knows the words of S3, Google
and Azure.
"""

import re

from beatflow.places.bucket.store import key_hint
from beatflow.places.place import PlaceError

_LATER = "run it again later; what has arrived need not again"
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_STATUS = re.compile(r"status(?: code)?: (\d{3})")
_NOBODY = re.compile(r"kind: Connect\b")
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist")
_WRONG_KEY = {
    "InvalidAccessKeyId": "the service does not know this key",
    "SignatureDoesNotMatch": "the secret does not fit the key",
    "ExpiredToken": "the key has expired",
    "TokenRefreshRequired": "the key has expired",
    "InvalidToken": "the session's token is not valid",
    "RequestTimeTooSkewed": "this machine's clock is wrong",
    "AuthenticationFailed": "the service does not accept the key",
    "AccountProblem": "there is something wrong with the account",
}


def is_about_bucket(text: str) -> bool:
    """Say whether what is missing is the bucket itself."""
    return any(word in text for word in _NO_BUCKET)


def is_worth_repeating(error: Exception, unconnected: bool = False) -> bool:
    """Say whether asking the same again may help: an answer cut short, a service that was busy.

    Whether nobody answered at all is told by ``unconnected``: obstore has tried that several times, where it may.
    """
    text = str(error)
    status = _STATUS.search(text)
    if status:
        return int(status[1]) in (408, 429) or int(status[1]) >= 500
    if "BadScheme" in text or type(error).__name__ != "GenericError":
        return False
    return unconnected or not _NOBODY.search(text)


def explain(error: Exception, address: str, scheme: str, doing: str) -> PlaceError:
    """Return the error to show for one of obstore's."""
    text = str(error)
    where = f"cannot {doing} {address}"
    if is_about_bucket(text):
        return PlaceError(f"there is no bucket at {address}", "make it first, or see how its name is spelt")
    kind = type(error).__name__
    code = _CODE.search(text)
    if code and code[1] in _WRONG_KEY:
        return PlaceError(f"{where}: {_WRONG_KEY[code[1]]}", key_hint(scheme))
    if kind in ("PermissionDeniedError", "UnauthenticatedError"):
        why = "this key may not" if code or kind == "PermissionDeniedError" else "it wants a key"
        return PlaceError(
            f"{where}: {why}", "see what the key may do there, and that the bucket is the right one"
        )
    if re.search(r"169\.254\.|metadata\.google|credential|CredentialProvider|InstanceMetadata", text):
        return PlaceError(f"there are no keys for {address}", key_hint(scheme))
    status = _STATUS.search(text)
    if re.search(r"redirect", text, re.IGNORECASE) or (status and status[1] in ("301", "307")):
        return PlaceError(f"{where}: it lies in another region", "export AWS_REGION=… with the bucket's own")
    if "BadScheme" in text:
        return PlaceError(
            f"{where}: its address is not encrypted", "give the endpoint as http://…, if that is meant"
        )
    if re.search(r"certificate|UnknownIssuer|InvalidCertificate|tls", text, re.IGNORECASE):
        return PlaceError(
            f"{where}: its certificate cannot be trusted", "see whether the endpoint is the right one"
        )
    if status and (int(status[1]) >= 500 or status[1] == "429"):
        return PlaceError(f"{where}: the service is busy or broken (HTTP {status[1]})", _LATER)
    if status:
        return PlaceError(
            f"{where}: it says no (HTTP {status[1]}{', ' + code[1] if code else ''})",
            "see whether the endpoint is the right one, and a service for buckets",
        )
    if "dns error" in text or "failed to lookup" in text:
        return PlaceError(
            f"{where}: there is no such host", "see whether the network is up and the endpoint right"
        )
    if _NOBODY.search(text):
        return PlaceError(f"{where}: nobody answers", "see whether the network is up and the endpoint right")
    if "Timeout" in text or "TimedOut" in text:
        return PlaceError(f"{where}: no answer came in time", _LATER)
    return PlaceError(f"{where}: the connection broke", _LATER)
