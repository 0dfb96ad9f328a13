"""Stage 1: Debian packages -> one array of 16 kHz mono int16 samples and an index of its clips.

    python prepare_audio.py WORK     # the packages of sources.json lie in WORK/deb

Writes WORK/audio-{training,heldOut}.i16 and .json: [[source, file, first sample, samples], ...].
sources.json gives each package's role and the minutes it may contribute at most. The two roles never share a
package; nothing else decides what is held out.
"""

import io
import json
import random
import re
import struct
import subprocess
import sys
import tarfile
import wave
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

RATE_HZ = 16_000
CLIP_SECONDS = 25  # music is long and much alike: its beginning is enough
AUDIO = re.compile(r"\.(wav|ogg|oga|mp3|flac|aiff?|au|snd|voc|opus|raw)$", re.I)
ARCHIVE = re.compile(r"\.(pk3|pk4|zip|kf|jar)$", re.I)


def members(package: Path):
    """Yields (name, bytes) of every sound in a Debian package, in archives inside it too."""
    tar = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
    with tarfile.open(fileobj=tar.stdout, mode="r|") as files:
        for file in files:
            if not file.isfile():
                continue
            name = file.name
            if AUDIO.search(name):
                yield name, files.extractfile(file).read()
            elif ARCHIVE.search(name):
                try:
                    archive = zipfile.ZipFile(io.BytesIO(files.extractfile(file).read()))
                except zipfile.BadZipFile:
                    continue
                for inner in archive.namelist():
                    if AUDIO.search(inner):
                        yield f"{name}/{inner}", archive.read(inner)
            elif name.endswith(".sf2"):
                yield from sound_font(name, files.extractfile(file).read())
            elif name.endswith(".cat"):
                yield from riff_chunks(name, files.extractfile(file).read())
    tar.wait()


def riff_chunks(name: str, data: bytes):
    """The WAV files that OpenTTD's container strings together."""
    at = data.find(b"RIFF")
    while at >= 0:
        size = 8 + struct.unpack_from("<I", data, at + 4)[0]
        yield f"{name}/{at}.wav", data[at : at + size]
        at = data.find(b"RIFF", at + size)


def sound_font(name: str, data: bytes):
    """The samples of a SoundFont 2 file as WAV files (its chunks smpl and shdr)."""
    samples = data.index(b"smpl") + 8
    headers = data.index(b"shdr") + 8
    count = struct.unpack_from("<I", data, headers - 4)[0] // 46
    for i in range(count - 1):  # the last one only marks the end
        title, start, end, _, _, rate = struct.unpack_from("<20s5I", data, headers + 46 * i)
        if end - start < 500 or rate < 4000:
            continue
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(data[samples + 2 * start : samples + 2 * end])
        yield f"{name}/{i}.wav", out.getvalue()


def decode(name: str, data: bytes, seconds: int = CLIP_SECONDS) -> bytes:
    """Any sound file -> 16 kHz mono int16; sox starts faster than ffmpeg, ffmpeg reads what sox does not."""
    kind = name.rsplit(".", 1)[-1].lower()
    given = ["-t", "raw", "-r", "8000", "-e", "signed", "-b", "16", "-c", "1"] if kind == "raw" else ["-t", kind]
    to = ["-t", "raw", "-e", "signed", "-b", "16", "-c", "1", "-r", str(RATE_HZ), "-"]
    sox = subprocess.run(["sox", "-V1", "-R", "-G", *given, "-", *to, "trim", "0", str(seconds)], input=data, capture_output=True)
    if len(sox.stdout) > 2000:
        return sox.stdout
    if kind == "raw":
        return b""
    ffmpeg = subprocess.run(
        ["ffmpeg", "-v", "quiet", "-i", "pipe:0", "-t", str(seconds), "-ac", "1", "-ar", str(RATE_HZ), "-f", "s16le", "-"],
        input=data,
        capture_output=True,
    )
    return ffmpeg.stdout


def main(work: Path):
    sources = json.loads(Path(__file__).with_name("sources.json").read_text())
    with ThreadPoolExecutor(2) as pool:
        for role, packages in sources.items():
            index, offset = [], 0
            with open(work / f"audio-{role}.i16", "wb") as out:
                for package, minutes in packages.items():
                    found = next(work.glob(f"deb/{package}_*.deb"), None)
                    if found is None:
                        print(f"{package}: not downloaded, left out", flush=True)
                        continue
                    sounds = list(members(found))
                    random.Random(1).shuffle(sounds)
                    begin = offset
                    for first in range(0, len(sounds), 16):
                        if offset - begin > minutes * 60 * RATE_HZ:
                            break
                        some = sounds[first : first + 16]
                        for (name, _), samples in zip(some, pool.map(lambda sound: decode(*sound), some)):
                            length = len(samples) // 2
                            if length < RATE_HZ // 20:
                                continue
                            out.write(samples[: 2 * length])
                            index.append([package, name, offset, length])
                            offset += length
                    print(f"{role} {package}: {(offset - begin) / RATE_HZ / 60:.1f} min of {len(sounds)} files", flush=True)
            (work / f"audio-{role}.json").write_text(json.dumps(index))
            print(f"{role}: {offset / RATE_HZ / 3600:.2f} h", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
