import dataclasses
import datetime
import json
import re
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vortex_lp import __version__
from vortex_lp.errors import EncodeError, ReportError, SettingsError
from vortex_lp.settings import load_settings
from vortex_lp.values import Frame, Speech
from vortex_lp.video import provenance
from vortex_lp.video.encoder import write_video
from vortex_lp.video.label import labelled
from vortex_lp.video.provenance import (
    CERTIFICATE_VARIABLE,
    KEY_VARIABLE,
    SOURCE_TYPES,
    TEST_SIGNER,
    Origin,
    pem_of_test_root,
    read_statement,
)
from vortex_lp.video.segments import LIVE_FILE, write_live

SETTINGS = load_settings()
ORIGIN = Origin("mesh", SETTINGS.provenance)
N_FRAMES = 24


def pictures() -> Iterator[Frame]:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    for number in range(N_FRAMES):
        yield np.roll(noise, number, axis=1)


def talk() -> Speech:
    return Speech(samples=0.1 * np.sin(np.arange(48_000, dtype=np.float32) / 20))


def film(file: Path, origin: Origin | None = ORIGIN) -> Path:
    return write_video(
        pictures(),
        talk(),
        file,
        fps=24,
        size=(64, 64),
        n_frames=N_FRAMES,
        settings=SETTINGS.video,
        origin=origin,
    )


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("signed") / "talk.mp4")


def boxes(file: Path) -> list[tuple[str, int, int]]:
    """Return the top-level boxes of an MP4 in order: name, first byte, one past the last."""
    data, found, start = file.read_bytes(), [], 0
    while start < len(data):
        size, name = struct.unpack(">I4s", data[start : start + 8])
        found.append((name.decode(), start, start + size))
        start += size
    return found


def box(file: Path, name: str) -> tuple[int, int]:
    return next((start, stop) for kind, start, stop in boxes(file) if kind == name)


def test_a_fresh_video_says_truly_what_it_is(signed: Path) -> None:
    said = read_statement(signed)
    assert said.state == "valid"
    assert said.problems == ()
    assert said.software == f"vortex_lp {__version__}"
    assert said.source_type == "compositeSynthetic"
    assert "not a recording" in (said.description or "")
    assert "mesh" in (said.description or "")
    assert said.signer == TEST_SIGNER
    assert said.is_test
    assert not said.is_trusted
    assert said.comment == ORIGIN.comment
    assert f"vortex_lp {__version__}" in ORIGIN.comment


def test_a_generative_renderer_says_another_word(tmp_path: Path) -> None:
    file = film(tmp_path / "v.mp4", Origin("liveportrait", SETTINGS.provenance))
    assert read_statement(file).source_type == "compositeWithTrainedAlgorithmicMedia"
    unknown = film(tmp_path / "w.mp4", Origin("somebody's", SETTINGS.provenance))
    assert read_statement(unknown).source_type == "compositeSynthetic"


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_one_changed_bit_of_picture_or_sound_is_noticed(
    signed: Path, tmp_path: Path, share: float
) -> None:
    start, stop = box(signed, "mdat")
    data = bytearray(signed.read_bytes())
    data[start + 8 + int(share * (stop - start - 9))] ^= 1
    changed = tmp_path / "changed.mp4"
    changed.write_bytes(data)
    said = read_statement(changed)
    assert said.state == "broken"
    assert "assertion.bmffHash.mismatch" in said.problems


def test_a_changed_word_of_the_credentials_is_noticed(signed: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.mp4"
    data = signed.read_bytes()
    assert data.count(b"compositeSynthetic") == 1
    changed.write_bytes(data.replace(b"compositeSynthetic", b"digitalCaptureabcd"))
    said = read_statement(changed)
    assert said.state == "broken"
    assert said.problems


def test_a_changed_comment_is_noticed(signed: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.mp4"
    start, stop = box(signed, "moov")
    data = signed.read_bytes()
    header = data[start:stop].replace(b"not a recording", b"yes a recording")
    changed.write_bytes(data[:start] + header + data[stop:])
    said = read_statement(changed)
    assert "yes a recording" in (said.comment or "")
    assert said.state == "broken"


def test_a_video_of_somebody_else_has_no_credentials(tmp_path: Path) -> None:
    said = read_statement(film(tmp_path / "plain.mp4", None))
    assert said.state == "absent"
    assert said.comment is None
    assert not said.is_test


def test_credentials_can_be_left_out_and_the_comment_stays(tmp_path: Path) -> None:
    off = SETTINGS.provenance.model_copy(update={"credentials": False})
    said = read_statement(film(tmp_path / "plain.mp4", Origin("mesh", off)))
    assert said.state == "absent"
    assert said.comment == ORIGIN.comment


def test_the_header_still_comes_before_the_pictures(signed: Path, tmp_path: Path) -> None:
    names = [name for name, _, _ in boxes(signed)]
    assert names.index("uuid") < names.index("moov") < names.index("mdat")
    # The pictures are where the header says: every frame still comes out.
    plain = film(tmp_path / "plain.mp4", None)
    assert decoded(signed) == decoded(plain)
    assert len(decoded(signed)) == N_FRAMES * 64 * 64


def decoded(file: Path) -> bytes:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(file)]
    command += ["-f", "rawvideo", "-pix_fmt", "gray", "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def test_the_same_video_is_the_same_file_credentials_and_all(signed: Path, tmp_path: Path) -> None:
    """The C2PA library's random salt is gone, and each video has names of its own nevertheless."""
    assert film(tmp_path / "again.mp4").read_bytes() == signed.read_bytes()
    other = film(tmp_path / "other.mp4", Origin("other", SETTINGS.provenance))
    name = re.compile(rb"urn:c2pa:[0-9a-f-]{36}")
    assert len(set(name.findall(signed.read_bytes()) + name.findall(other.read_bytes()))) == 2
    off = Origin("mesh", SETTINGS.provenance.model_copy(update={"credentials": False}))
    first, second = film(tmp_path / "1.mp4", off), film(tmp_path / "2.mp4", off)
    assert first.read_bytes() == second.read_bytes()


def test_no_name_of_a_person_file_or_machine_is_in_the_credentials(
    signed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, stop = box(signed, "uuid")
    held = signed.read_bytes()[start:stop]
    for word in (b"talk", str(signed.parent).encode(), b"/tmp", b"/home", b"root@"):
        assert word not in held


def test_signing_costs_little(tmp_path: Path) -> None:
    file = film(tmp_path / "v.mp4", None)
    ORIGIN.sign(film(tmp_path / "warm.mp4", None))
    # Ten megabytes are more than a minute at the usual quality. The processor's time is counted,
    # because other tests run beside this one.
    with file.open("ab") as tail:
        tail.write(struct.pack(">I4s", 10_000_008, b"mdat") + bytes(10_000_000))
    start = time.process_time()
    ORIGIN.sign(file)
    assert time.process_time() - start < 0.3
    assert read_statement(file).state == "valid"


def test_live_videos_are_signed_too(tmp_path: Path) -> None:
    steps = write_live(
        pictures(),
        talk(),
        tmp_path,
        fps=24,
        size=(64, 64),
        n_frames=N_FRAMES,
        settings=SETTINGS.video,
        segment_s=0.5,
        origin=ORIGIN,
    )
    assert sum(len(step.segments) for step in steps) >= 2
    said = read_statement(tmp_path / LIVE_FILE)
    assert said.state == "valid"
    assert said.comment == ORIGIN.comment


def host_credentials(folder: Path) -> tuple[Path, Path]:
    """Make a certificate as a host would buy one: a root of its own, P-256, valid for a day."""
    now = datetime.datetime.now(datetime.timezone.utc)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [
        x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Host"),
                x509.NameAttribute(NameOID.COMMON_NAME, name),
            ]
        )
        for name in ("A host's root", "A host")
    ]
    chain = []
    for number, (key, name) in enumerate(zip(keys, names, strict=True)):
        usage = dict.fromkeys(
            [
                "digital_signature", "content_commitment", "key_encipherment",
                "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
                "encipher_only", "decipher_only",
            ],
            False,
        )  # fmt: skip
        usage["key_cert_sign" if number == 0 else "digital_signature"] = True
        builder = (
            x509.CertificateBuilder(names[0], name, key.public_key(), 7 + number)
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(number == 0, None), critical=True)
            .add_extension(x509.KeyUsage(**usage), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        )
        if number == 1:
            purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
            builder = builder.add_extension(purpose, critical=False)
        chain.append(builder.sign(keys[0], hashes.SHA256()))
    certificate, key_file = folder / "host.pem", folder / "host.key"
    pem = serialization.Encoding.PEM
    certificate.write_bytes(chain[1].public_bytes(pem) + chain[0].public_bytes(pem))
    (folder / "root.pem").write_bytes(chain[0].public_bytes(pem))
    key_file.write_bytes(
        keys[1].private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, key_file


def test_a_host_signs_with_its_own_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = host_credentials(tmp_path)
    monkeypatch.setenv(CERTIFICATE_VARIABLE, str(certificate))
    monkeypatch.setenv(KEY_VARIABLE, str(key))
    file = film(tmp_path / "v.mp4")
    said = read_statement(file)
    assert (said.state, said.signer, said.is_test) == ("valid", "A host", False)
    assert not said.is_trusted
    assert read_statement(file, anchors=(tmp_path / "root.pem").read_text()).is_trusted
    assert not read_statement(file, anchors=pem_of_test_root()).is_trusted


def test_the_test_certificate_is_trusted_only_by_those_who_want_to(signed: Path) -> None:
    assert read_statement(signed, anchors=pem_of_test_root()).is_trusted


def test_unusable_certificates_are_named_and_leave_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = host_credentials(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.setenv(CERTIFICATE_VARIABLE, str(certificate))
    with pytest.raises(SettingsError, match="together"):
        film(out / "v.mp4")
    for content in (b"rubbish", certificate.read_bytes(), b""):
        (tmp_path / "bad.key").write_bytes(content)
        monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "bad.key"))
        with pytest.raises(SettingsError, match=r"cannot be used"):
            film(out / "v.mp4")
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "missing.key"))
    with pytest.raises(SettingsError, match="FileNotFoundError"):
        film(out / "v.mp4")
    monkeypatch.setenv(KEY_VARIABLE, str(key))
    monkeypatch.setenv(CERTIFICATE_VARIABLE, str(key))
    with pytest.raises(EncodeError, match="Content Credentials"):
        film(out / "v.mp4")
    assert list(out.iterdir()) == []


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="there is no video"):
        read_statement(tmp_path / "none.mp4")
    (tmp_path / "text.mp4").write_text("hello", "utf-8")
    with pytest.raises(ReportError, match="not an MP4"):
        read_statement(tmp_path / "text.mp4")


def test_nothing_is_fetched_for_a_file_that_asks_for_it() -> None:
    assert provenance._LIBRARY["verify"]["remote_manifest_fetch"] is False
    assert provenance._LIBRARY["verify"]["ocsp_fetch"] is False


def test_source_types_are_words_of_the_vocabulary() -> None:
    """The C2PA library knows IPTC's words, each as the name of a constant."""
    import c2pa

    known = {member.name.replace("_", "").lower() for member in c2pa.C2paDigitalSourceType}
    for word in SETTINGS.provenance.source_types.values():
        assert word.lower() in known
    assert SOURCE_TYPES.endswith("/digitalsourcetype/")


@pytest.mark.parametrize("size", [(64, 64), (512, 512), (1080, 1920), (1920, 1080)])
def test_a_label_can_be_read_in_a_corner_and_leaves_the_rest_alone(size: tuple[int, int]) -> None:
    grey = np.full((size[1], size[0], 3), 128, np.uint8)
    frames = [grey, grey]
    first, second = labelled(iter(frames), "AI animation")
    assert (frames[0] == 128).all()
    assert (first == second).all()
    touched = (first != 128).any(axis=2)
    rows, columns = np.nonzero(touched)
    assert rows.min() > 0.6 * size[1]
    assert columns.max() < size[0] - 1
    assert first[touched].max() > 200
    assert first[touched].min() < 70
    assert 0.0005 < touched.mean() < (0.1 if min(size) > 100 else 0.4)


def test_no_label_changes_nothing() -> None:
    frames = list(pictures())
    assert all(a is b for a, b in zip(labelled(iter(frames), " "), frames, strict=True))


def test_a_statement_is_plain_data(signed: Path) -> None:
    assert json.loads(json.dumps(dataclasses.asdict(read_statement(signed))))["state"] == "valid"


def test_a_long_video_is_signed_and_checked_in_little_memory(tmp_path: Path) -> None:
    """More than the size from which it is hashed in pieces; one byte that changes still shows."""
    file = film(tmp_path / "v.mp4", None)
    data = file.read_bytes()
    start, stop = box(file, "mdat")
    assert stop == len(data), "the picture and sound do not stand last"
    n_more = 40_000_000
    head = struct.pack(">I4s", stop - start + n_more, b"mdat")
    file.write_bytes(data[:start] + head + data[start + 8 :] + bytes(n_more))
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from vortex_lp.settings import load_settings\n"
        "from vortex_lp.video.provenance import Origin, read_statement\n"
        "usage = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024\n"
        "origin = Origin('mesh', load_settings().provenance)\n"
        "origin.sign(Path(sys.argv[1]))\n"
        "before = usage()\n"
        "origin.sign(Path(sys.argv[2]))\n"
        "print(read_statement(Path(sys.argv[2])).state, usage() - before)\n"
    )
    small = film(tmp_path / "small.mp4", None)
    done = subprocess.run(
        [sys.executable, "-c", code, str(small), str(file)],
        capture_output=True,
        text=True,
        check=True,
    )
    state, grown_mb = done.stdout.split()
    assert state == "valid"
    assert int(grown_mb) < 25
    with file.open("r+b") as held:
        held.seek(-20_000_000, 2)
        held.write(b"x")
    assert read_statement(file).state == "broken"
