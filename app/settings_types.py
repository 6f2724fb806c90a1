"""What single settings may be: addresses, secrets, names. Messages say the rule and never the value.

What passes here can be used: an address is one that everything of ours can parse, and a secret can stand in a header.
"""

import fnmatch
import ipaddress
import re
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

MAX_SECRETS = 4
"""For one scope: each body is signed with all of them to compare."""
_ADDRESS = re.compile(
    r"https?://(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9](?:[\w-]*(?:\.[\w-]+)*)\.?))"
    r"(?::(?P<port>[0-9]{1,5}))?(?:/[\w.~!$&'()*+,;=:%-]*)*",
    re.ASCII,
)
_HOW = "write it as https://host, with :port and /path where they are needed"


def _address(text: str) -> str:
    """RFC 3986, without what an address of ours mustn't have. A name in other letters is written as `xn--…`."""
    if re.search(r"[?#@\\]", text):
        raise ValueError(f"an address holds no credentials, query or fragment; {_HOW}")
    found = _ADDRESS.fullmatch(text)
    if found is None or {".", ".."} & {*text.split("/")}:
        raise ValueError(_HOW)
    if found["port"] and not 1 <= int(found["port"]) <= 65_535:
        raise ValueError(f"its port isn't between 1 and 65535; {_HOW}")
    try:
        if found["six"]:
            ipaddress.IPv6Address(found["six"])
        elif re.fullmatch(r"[0-9.]+", found["host"]):
            ipaddress.IPv4Address(found["host"])
    except ValueError as error:
        raise ValueError(f"its host is no IP address; {_HOW}") from error
    return text


def _in_header(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]*", secret.get_secret_value()):
        raise ValueError(
            "it has white space, a line end or another character than plain ASCII in it: copy it again without"
        )
    return secret


def _on_one_line(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if text != text.strip() or not text.isprintable():
        raise ValueError("it begins or ends with white space, or has a line end in it: copy it again without")
    return secret


def _matching(pattern: str, sentence: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError(sentence)
        return text

    return AfterValidator(check)


def in_lower_case(table: Any) -> Any:
    """Before anything is read, so that one name in two spellings is never taken for two."""
    if not isinstance(table, dict):
        return table  # said by the field's own type
    lowered = {str(key).lower(): value for key, value in table.items()}
    if len(lowered) < len(table):
        raise ValueError("two names differ only in letter case, which doesn't count here: keep one of them")
    return lowered


def covers(patterns: Iterable[str], repo: str) -> bool:
    """Whether one of `patterns` is for `owner/name`; `*` matches within one part only, letter case doesn't count."""
    owner, _, name = repo.lower().partition("/")
    wanted = [pattern.lower().partition("/") for pattern in patterns]
    return any(fnmatch.fnmatchcase(owner, one) and fnmatch.fnmatchcase(name, two) for one, _, two in wanted)


Url = Annotated[str, AfterValidator(_address)]
Secret = Annotated[SecretStr, AfterValidator(_in_header)]
"""A token or a key; empty where somebody unset it so."""
LongSecret = Annotated[Secret, Field(min_length=8)]
PrivateKey = Annotated[SecretStr, Field(min_length=8)]
WebhookSecret = Annotated[SecretStr, AfterValidator(_on_one_line), Field(min_length=8)]
"""Any words that both sides know: it is never sent."""
Secrets = Annotated[tuple[WebhookSecret, ...], Field(max_length=MAX_SECRETS)]
RepoName = Annotated[str, _matching(r"[\w.-]{1,100}/[\w.-]{1,100}", "a repository is written as owner/name")]
RepoPattern = Annotated[
    str,
    _matching(r"[\w.*-]{1,100}/[\w.*-]{1,100}", "write owner/name; * stands for anything within one part"),
]
ForgeName = Annotated[
    str, _matching(r"[a-z0-9](_?[a-z0-9-]){0,39}", "a forge's name has letters, digits, - and single _ only")
]
RepoSecrets = Annotated[
    dict[RepoName, Annotated[Secrets, Field(min_length=1)]], BeforeValidator(in_lower_case)
]
