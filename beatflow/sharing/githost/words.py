"""What hosts answer, in words with a way out."""

import json
import re

from beatflow.errors import BeatFlowError
from beatflow.sharing.remote import RemoteError

PROXY_HINT = "export https_proxy=http://NAME:PASSWORD@PROXY:PORT"
_MEANT = {
    401: ("{host} wants a login, and none of those known opens it", "{login}"),
    403: ("{host} does not allow that: {said}", "ask its owner for the right to {verb} there"),
    404: (
        "{host} has no such repository, or does not show it to you",
        "check the address, and your login: {login}",
    ),
    407: ("the proxy before {host} wants a login", PROXY_HINT),
    410: ("{host} has removed it", "ask its owner"),
    413: (
        "{host} takes no file as long as this: {said}",
        "ask its owner for more room, or use another remote",
    ),
    422: ("{host} does not accept it: {said}", "ask its owner"),
    429: (
        "{host} wants to be asked less often",
        "wait a while, then run it again: it goes on where it stopped",
    ),
    501: ("{host} cannot do that", "use another remote"),
    507: ("{host} has no room left", "ask its owner for more room, or use another remote"),
    509: ("{host} has sent as much as your plan there allows", "wait until next month, or buy more there"),
}
_LOGIN = (
    "have git ask for one and keep it (git ls-remote {address}), or ~/.netrc, or a token in BF_TOKEN_{name}"
)


class TransientError(Exception):
    """Something that may do when it is tried again; ``wait_s`` where the host says when."""

    def __init__(self, reason: RemoteError, wait_s: float | None = None) -> None:
        super().__init__(reason.message)
        self.reason = reason
        self.wait_s = wait_s


class RefusedError(RemoteError):
    """An answer that is no success; ``answer`` is its JSON where it had one."""

    def __init__(self, status: int, answer: object, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.status = status
        self.answer = answer


def refuse(status: int, data: bytes, host: str, method: str = "GET") -> RefusedError:
    """Say what an HTTP status means; the server's own words are kept short and plain."""
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        answer = None
    said = answer.get("message") if isinstance(answer, dict) else None
    said = tidy(said) if isinstance(said, str) and said else f"status {status}"
    message, hint = _MEANT.get(
        status, ("{host} fails: {said}", "try again later; if it stays so, ask who runs that host")
    )
    verb = "write" if method in ("PUT", "POST") else "read"
    values = {"host": host, "said": said, "verb": verb, "login": hint_login(host)}
    return RefusedError(status, answer, message.format(**values), hint.format(**values))


def hint_login(host: str) -> str:
    """Say where a login for a host (and port) may come from."""
    name = re.sub(r"[^A-Z0-9]", "_", re.sub(r":\d+$", "", host).upper())
    return _LOGIN.format(address=f"https://{host}/…", name=name)


def tidy(text: str) -> str:
    """Return a stranger's words on one line, without control characters and any password in a URL."""
    plain = re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", text).strip()
    return re.sub(r"//[^/@\s]*@", "//…@", plain)[:300]


def explain(error: BeatFlowError, where: str, complaint: str = "") -> RemoteError:
    """Say what libgit2's, or ssh's, complaint about a repository means."""
    text = tidy(complaint or error.message)
    low = text.lower()
    for pattern, message, hint in _COMPLAINTS:
        if re.search(pattern, low):
            values = {"host": where, "where": where, "text": text, "login": hint_login(where)}
            return RemoteError(message.format(**values), hint.format(**values))
    return RemoteError(f"{where}: {text}", "check the address and the network, then run it again")


_COMPLAINTS = (
    (r"proxy authentication", "the proxy before {where} wants a login", PROXY_HINT),
    (r"unknown http scheme", "the proxy before {where} is of a kind that is not known here", PROXY_HINT),
    (
        r"host key verification failed|identification has changed|host key is known",
        "{where} is not the host that ssh knows by this name, or ssh does not know it yet: {text}",
        "connect to it once with ssh and compare its key with what its owner says",
    ),
    (
        r"permission denied \(|authentication failed|too many authentication",
        "{where} does not let you in: {text}",
        "ssh-add the key that it knows, or check ~/.ssh/config",
    ),
    (
        r"wants a login|401|authentication replays|replays",
        "{where} wants a login, and none of those known opens it",
        "{login}",
    ),
    (
        r"status code: 403|\b403\b|access denied|forbidden",
        "{where} does not allow that",
        "ask its owner for the right",
    ),
    (r"status code: 429", *_MEANT[429]),
    (
        r"404|not found|does not exist|not appear to be a git|no such file|could not find repository|not a git repo",
        "{where} has no such repository, or does not show it to you",
        "check the address; on a git host make the repository first",
    ),
    (
        r"cannot redirect from",
        "{where} sends on to another host, which gets no login of yours: {text}",
        "use the address that it sends on to, if you trust it",
    ),
    (
        r"object format|unsupported extension",
        "{where} is a git repository of a kind that BeatFlow does not know: {text}",
        "make one there as git has long made them: git init --bare --object-format=sha1",
    ),
    (
        r"invalid packet line",
        "{where} answers otherwise than a whole git repository does",
        "if it holds the newest versions only (a shallow clone), make it whole there: git fetch --unshallow",
    ),
    (
        r"certificate",
        "{where} has no certificate that this machine trusts",
        "set SSL_CERT_FILE to your own authority's",
    ),
    (
        r"resolve|name or service|nodename",
        "{where} cannot be reached: no such host is known",
        "check the address and the network",
    ),
    (
        r"refused|timed out|timeout|no route|unreachable|failed to connect|reset|early eof|"
        r"unexpected.*eof|closed|disconnect|broken pipe",
        "{where} cannot be reached: {text}",
        "check the network, then run it again: it goes on where it stopped",
    ),
)
