"""What a video says about itself: Content Credentials (C2PA) and a plain comment, and reading both.

The credentials hold the software, its version, which renderer drew the picture and what kind of
picture that is in IPTC's vocabulary of digital sources; nothing about a person, a file or a time.
A change of any byte of picture or sound breaks their signature.

A host signs with a certificate of its own, which the environment names. Without one, videos are
signed with a test certificate. Its key follows from a sentence in this file, so that anybody can
make the same signature: it shows that a file was not damaged, and says nothing about who made it.
"""

import datetime
import functools
import hashlib
import json
import os
import re
import secrets
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from vortex_lp import __version__
from vortex_lp.errors import EncodeError, ReportError, SettingsError
from vortex_lp.settings import OTHER_RENDERER, ProvenanceSettings
from vortex_lp.uploads import open_upload

SOFTWARE = "vortex_lp"
CERTIFICATE_VARIABLE = "VORTEX_LP_CERTIFICATE"
KEY_VARIABLE = "VORTEX_LP_PRIVATE_KEY"
"""Name PEM files: the host's certificate with those above it, and its private key."""

TEST_SIGNER = "vortex_lp TEST certificate, proves no identity"
SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
"""Where IPTC's words for digital sources are defined."""

_MIME = "video/mp4"
_MAX_BYTES = 1 << 40
_BLOCK_BYTES = 1 << 20
_C2PA_SIGNING = "1.3.6.1.4.1.62558.2.1"
_TEST_FROM = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
_TEST_UNTIL = datetime.datetime(2049, 12, 31, tzinfo=datetime.timezone.utc)
# Nothing may be fetched while a stranger's file is looked at, and no picture is kept in it.
_LIBRARY: dict[str, dict[str, Any]] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False},
    "builder": {"thumbnail": {"enabled": False}},
    "core": {"backing_store_memory_threshold_in_mb": 1},
}
# Left alone, the library holds a video twice over in memory (measured: 484 MB for one of 220 MB);
# with its scratch on the disk once, and hashed in pieces not at all (35 MB). Pieces are for long
# ones only: a short one keeps the hash that every reader knows best.
_LONG_BYTES = 1 << 24
_IN_PIECES = {"core": {**_LIBRARY["core"], "merkle_tree_chunk_size_in_kb": 1024}}


@dataclass(frozen=True, slots=True)
class Origin:
    """How a video is made, as far as the video is to say so."""

    renderer: str
    """Who drew the picture, such as ``"mesh"``."""

    settings: ProvenanceSettings
    """What to say."""

    @property
    def comment(self) -> str:
        """Return the plain sentence that players show among a file's properties."""
        return f"{self.settings.notice} Made by {SOFTWARE} {__version__}, renderer {self.renderer}."

    def sign(self, file: Path) -> None:
        """Put Content Credentials into the finished MP4 `file`, unless the settings forbid it.

        Raises:
            SettingsError: The host's certificate or key cannot be used.
            EncodeError: They could not be written; `file` is as it was.
        """
        if not self.settings.credentials:
            return
        import c2pa

        signed = file.with_name(f".vortex-{secrets.token_hex(6)}.part")
        credentials = _signer()
        try:
            seed = _file_sha256(file)
            claim = json.dumps(self._claim(seed))
            is_long = file.stat().st_size > _LONG_BYTES
            context = c2pa.Context.from_dict({**_LIBRARY, **(_IN_PIECES if is_long else {})})
            with (
                c2pa.Signer.from_info(c2pa.C2paSignerInfo(*credentials, None)) as signer,
                c2pa.Builder.from_json(claim, context=context) as builder,
                file.open("rb", buffering=_BLOCK_BYTES) as source,
                signed.open("w+b", buffering=_BLOCK_BYTES) as target,
            ):
                store = builder.sign(signer, _MIME, source, target)
                if credentials[0] == b"ed25519":
                    _take_chance_out(target, store, seed=seed, key=credentials[2])
            signed.replace(file)
        except (c2pa.C2paError, OSError, ValueError) as error:
            raise EncodeError(
                f"the video could not be given its Content Credentials ({_first_line(error)}); "
                "free some space, or check the certificate"
            ) from error
        finally:
            signed.unlink(missing_ok=True)

    def _claim(self, seed: bytes) -> dict[str, Any]:
        """Return what is claimed of the video whose hash is `seed`."""
        # Every video needs names of its own; that they follow from it makes them the same again.
        name = uuid.UUID(bytes=seed[:16], version=4)
        agent = {"name": SOFTWARE, "version": __version__}
        words = self.settings.source_types
        action = {
            "action": "c2pa.created",
            "digitalSourceType": SOURCE_TYPES + words.get(self.renderer, words[OTHER_RENDERER]),
            "softwareAgent": agent,
            "description": f"{self.settings.notice} Renderer: {self.renderer}.",
        }
        actions = {"label": "c2pa.actions.v2", "created": True, "data": {"actions": [action]}}
        return {
            "label": f"urn:c2pa:{name}",
            "instance_id": f"xmp:iid:{name}",
            "claim_generator_info": [agent],
            "format": _MIME,
            "assertions": [actions],
        }


@dataclass(frozen=True, slots=True)
class Statement:
    """What a video says about its origin, and whether that can be believed."""

    state: Literal["valid", "broken", "absent"]
    """``"valid"``: signed, and no byte of picture or sound changed since; ``"broken"``: it was
    changed, or the signature is wrong; ``"absent"``: there are no Content Credentials."""

    software: str | None
    """What made it, with its version."""

    source_type: str | None
    """IPTC's word for what it is, such as ``"compositeSynthetic"``."""

    description: str | None
    """The same in a sentence."""

    signer: str | None
    """The name in the certificate."""

    is_test: bool
    """Whether that is the test certificate, which anybody can sign with."""

    is_trusted: bool
    """Whether the certificate comes from one of the given anchors."""

    comment: str | None
    """The plain sentence beside the credentials; it is protected by nothing of its own."""

    problems: tuple[str, ...]
    """What is wrong, in the words of the C2PA specification's codes."""


def read_statement(file: Path, *, anchors: str | None = None) -> Statement:
    """Return what the video `file` says about its origin; nothing is fetched from anywhere.

    Args:
        file: An MP4.
        anchors: Certificates in PEM whose holders are trusted to sign; None for nobody.

    Raises:
        ReportError: There is no such file, or it is no MP4.
    """
    import c2pa

    comment = _comment(file)
    trust = {"trust": {"user_anchors": anchors}} if anchors else {}
    try:
        context = c2pa.Context.from_dict({**_LIBRARY, **trust})
        with _open(file) as source, c2pa.Reader(_MIME, source, context=context) as reader:
            found = json.loads(reader.json())
    except c2pa.C2paError as error:
        if isinstance(error, c2pa.C2paError.ManifestNotFound):
            return Statement("absent", None, None, None, None, False, False, comment, ())
        said = _first_line(error)
        return Statement("broken", None, None, None, None, False, False, comment, (said,))
    return _statement(found, comment=comment)


def _statement(found: Mapping[str, Any], *, comment: str | None) -> Statement:
    manifest = found.get("manifests", {}).get(found.get("active_manifest"), {})
    signature = manifest.get("signature_info", {})
    made = _created(manifest)
    agents = manifest.get("claim_generator_info") or [{}]
    software = " ".join(str(agents[0].get(key, "")) for key in ("name", "version")).strip()
    failures = found.get("validation_results", {}).get("activeManifest", {}).get("failure", ())
    codes = [str(failure.get("code")) for failure in failures]
    signer = signature.get("common_name") or signature.get("issuer")
    return Statement(
        state="valid" if found.get("validation_state") in ("Valid", "Trusted") else "broken",
        software=software or None,
        source_type=str(made.get("digitalSourceType", "")).removeprefix(SOURCE_TYPES) or None,
        description=made.get("description"),
        signer=signer,
        is_test=signer == TEST_SIGNER,
        is_trusted=found.get("validation_state") == "Trusted",
        comment=comment,
        # Whom to trust is the reader's choice and no fault of the file.
        problems=tuple(code for code in codes if code != "signingCredential.untrusted"),
    )


def _created(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the action that brought the video into being, or nothing."""
    for assertion in manifest.get("assertions", ()):
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            for action in assertion.get("data", {}).get("actions", ()):
                if action.get("action") == "c2pa.created":
                    return dict(action)
    return {}


def _open(file: Path) -> Any:
    return open_upload(
        file, what="video", advice="check the path", max_bytes=_MAX_BYTES, error=ReportError
    )


def _comment(file: Path) -> str | None:
    """Return the comment among the file's properties.

    Raises:
        ReportError: There is no such file, or it is no MP4.
    """
    import imageio_ffmpeg

    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-nostdin",
        "-protocol_whitelist", "fd,pipe", "-f", "mov", "-fd", "0", "-i", "fd:",
        "-f", "ffmetadata", "pipe:1",
    ]  # fmt: skip
    with _open(file) as source:
        done = subprocess.run(command, stdin=source, capture_output=True, check=False)
    if done.returncode != 0:
        raise ReportError(f"{file.name} is not an MP4 that can be read; give the video itself")
    found = re.search(r"^comment=((?:\\.|[^\\\n])*)", done.stdout.decode("utf-8", "replace"), re.M)
    return re.sub(r"\\(.)", r"\1", found.group(1)) if found else None


def _file_sha256(file: Path) -> bytes:
    total = hashlib.sha256()
    with file.open("rb") as source:
        while block := source.read(_BLOCK_BYTES):
            total.update(block)
    return total.digest()


def _take_chance_out(target: IO[bytes], store: bytes, *, seed: bytes, key: bytes) -> None:
    """Replace the manifest store in the file `target` by one that holds no chance."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    from vortex_lp.video.unsalted import unsalted

    private = load_pem_private_key(key, password=None)
    assert isinstance(private, Ed25519PrivateKey)
    target.seek(0)
    # The store comes right after the first small box.
    place = target.read(len(store) + _BLOCK_BYTES).index(store)
    target.seek(place)
    target.write(unsalted(store, seed=seed, key=private))


def _signer() -> tuple[bytes, bytes, bytes]:
    """Return C2PA's name of the algorithm, the chain and the key in PEM.

    Raises:
        SettingsError: The environment names files that cannot be used.
    """
    named = os.environ.get(CERTIFICATE_VARIABLE), os.environ.get(KEY_VARIABLE)
    if named == (None, None):
        chain, key = _test_credentials()
        return b"ed25519", chain, key
    if None in named:
        raise SettingsError(f"set {CERTIFICATE_VARIABLE} and {KEY_VARIABLE} together, or neither")
    try:
        chain, key = (Path(str(name)).read_bytes() for name in named)
        return _algorithm(key), chain, key
    except (OSError, ValueError, TypeError) as error:
        # The message must not hold what is in the key file.
        raise SettingsError(
            f"the files of {CERTIFICATE_VARIABLE} and {KEY_VARIABLE} cannot be used "
            f"({type(error).__name__}); give PEM files without a password"
        ) from error


def _algorithm(key: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    private = load_pem_private_key(key, password=None)
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return b"ed25519"
    if isinstance(private, rsa.RSAPrivateKey):
        return b"ps256"
    if isinstance(private, ec.EllipticCurvePrivateKey):
        names = {"secp256r1": b"es256", "secp384r1": b"es384", "secp521r1": b"es512"}
        if private.curve.name in names:
            return names[private.curve.name]
    raise ValueError("C2PA knows no signature of this kind of key")


@functools.lru_cache(maxsize=1)
def _test_credentials() -> tuple[bytes, bytes]:
    """Return the test certificate with its root, and its key, in PEM."""
    from cryptography.hazmat.primitives import serialization

    key = _test_key("signer")
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain = [_test_certificate("signer"), _test_certificate("root")]
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain), secret


def _test_key(role: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    seed = hashlib.sha256(f"vortex_lp test {role}: no secret, proves nothing".encode()).digest()
    return Ed25519PrivateKey.from_private_bytes(seed)


def _test_certificate(role: Literal["root", "signer"]) -> Any:
    """Return a certificate as C2PA's certificate profile wants it; always the same one."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

    is_root = role == "root"
    key, root = _test_key(role), _test_key("root")
    names = {"root": "vortex_lp TEST root, proves no identity", "signer": TEST_SIGNER}
    subject, issuer = (
        x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "vortex_lp TEST"),
                x509.NameAttribute(NameOID.COMMON_NAME, names[name]),
            ]
        )
        for name in (role, "root")
    )
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    )
    builder = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), 2 - is_root)
        .not_valid_before(_TEST_FROM)
        .not_valid_after(_TEST_UNTIL)
        .add_extension(x509.BasicConstraints(is_root, 0 if is_root else None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=is_root,
                crl_sign=is_root,
                encipher_only=False,
                decipher_only=False,
                **usage,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), critical=False
        )
    )
    if not is_root:
        purposes = [ObjectIdentifier(_C2PA_SIGNING), ExtendedKeyUsageOID.EMAIL_PROTECTION]
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return builder.sign(root, None)


def pem_of_test_root() -> str:
    """Return the root of the test certificate in PEM, for readers that want to trust it."""
    from cryptography.hazmat.primitives import serialization

    return str(_test_certificate("root").public_bytes(serialization.Encoding.PEM).decode())


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
