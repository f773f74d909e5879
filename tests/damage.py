"""Damage to artifacts, each kind a function of the bytes and a source of randomness: the same seed does the same."""

import io
import json
import re
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

Damage = Callable[[bytes, Random], bytes]
WORDS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x3FFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
LONG_WORDS = (0, 2**31, 2**40, 2**63 - 1, 2**64 - 1)
HUGE = (0, 1, -1, 2, 3, -5, 2**15, 2**20, 2**27, 2**31 - 1, 2**31, 2**33, 2**40, 2**62, 2**63 - 1, -(2**63))


def place(data: bytes, random: Random) -> int:
    """Most of a file is weights; what leads a library astray stands at its beginning and its end."""
    start, end = random.choice([(0, len(data)), (0, 512), (len(data) - 1500, len(data)), (len(data) - 6000, len(data))])
    return random.randrange(max(0, start), max(1, min(end, len(data))))


def flipped(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice([1, 1, 2, 8, 64])):
        changed[place(data, random)] ^= 1 << random.randrange(8)
    return bytes(changed)


def overwritten(data: bytes, random: Random) -> bytes:
    """Words where counts, offsets and dimensions stand become the numbers that overflow."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 8)):
        start = place(data, random) // 4 * 4
        word = random.choice([struct.pack("<I", random.choice(WORDS)), struct.pack("<Q", random.choice(LONG_WORDS))])
        changed[start : start + len(word)] = word
    return bytes(changed)


def truncated(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(1, len(data))]


def inserted(data: bytes, random: Random) -> bytes:
    start = place(data, random)
    return data[:start] + random.randbytes(random.randint(1, 64)) + data[start:]


def removed(data: bytes, random: Random) -> bytes:
    start = place(data, random)
    return data[:start] + data[start + random.randint(1, 64) :]


def emptied(data: bytes, random: Random) -> bytes:
    return b""


def noise(data: bytes, random: Random) -> bytes:
    return random.randbytes(random.randint(1, 4096))


def noise_behind_the_magic(data: bytes, random: Random) -> bytes:
    return data[: random.choice([4, 8, 16, 64])] + random.randbytes(random.randint(1, 4096))


def doubled(data: bytes, random: Random) -> bytes:
    return data + data


BYTES: tuple[Damage, ...] = (
    flipped, flipped, overwritten, overwritten, truncated, inserted, removed, emptied, noise, noise_behind_the_magic,
    doubled,
)  # fmt: skip


def ir(xml: bytes, random: Random) -> bytes:
    """Of OpenVINO's model.xml: dimensions, offsets into the weights, types of numbers and layers, edges; or a bomb."""
    text = xml.decode()
    names = ["f64", "u1", "i4", "string", "boolean", "nope", "Loop", "Broadcast", "Tile", "Softmax", "MatMul"]
    kinds = {
        r"<dim>-?\d+</dim>": lambda found: f"<dim>{random.choice(HUGE)}</dim>",
        r'(offset|size)="\d+"': lambda found: f'{found[1]}="{random.choice(HUGE)}"',
        r'shape="[\d,? -]+"': lambda found: f'shape="{random.choice(HUGE)},{random.choice(HUGE)}"',
        r'(element_type|type)="\w+"': lambda found: f'{found[1]}="{random.choice(names)}"',
        r'((?:from|to)-(?:layer|port))="\d+"': lambda found: f'{found[1]}="{random.choice([0, 1, 99, -1, 2**31])}"',
    }
    if random.random() < 0.1:
        entities = "".join(f'<!ENTITY {one} "{f"&{one - 1};" * 10}">'.replace("&", "&e") for one in range(1, 10))
        bomb = re.sub(r"<!ENTITY (\d)", r"<!ENTITY e\1", f'<!DOCTYPE net [<!ENTITY e0 "aaaaaaaaaa">{entities}]>')
        return text.replace("?>", f"?>{bomb}", 1).replace('name="', 'name="&e9;', 1).encode()
    for pattern in random.sample(list(kinds), random.randint(1, 2)):
        found = random.choice(list(re.finditer(pattern, text)))
        text = text[: found.start()] + kinds[pattern](found) + text[found.end() :]
    return text.encode()


def keras(data: bytes, random: Random) -> bytes:
    """Of a .keras file: its configuration, its weights inside whole zip members, or which members it has."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    part = random.choice(["config.json", "config.json", "model.weights.h5", "members", "depth"])
    if part == "config.json":
        config = json.loads(members[part])
        for _ in range(random.randint(1, 4)):
            where, key = random.choice(_places(config))
            where[key] = random.choice([*HUGE, None, "Lambda", "../../x", [], {}, 1e308, True, "os.system"])
        members[part] = json.dumps(config).encode()
    elif part == "model.weights.h5":
        members[part] = random.choice([flipped, truncated, overwritten, emptied])(members[part], random)
    elif part == "members":
        members.pop(random.choice(list(members)))
        members |= {random.choice(["../../out", "/tmp/out", "a" * 300]): b"x" * 10}
    else:
        members["config.json"] = b"[" * 100_000
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _places(node: object) -> list[tuple[object, object]]:
    """Every container below a JSON document with each of its keys or indices."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
    return [(node, key) for key in keys] + [found for key in keys for found in _places(node[key])]  # type: ignore[index]


def damaged(source: Path, target: Path, damage: Damage, random: Random, member: str | None = None) -> None:
    """Copy an artifact with `damage` done: to the file itself, or to one of its folder, `member` or any."""
    if source.is_dir():
        shutil.copytree(source, target)
        inside = sorted(path for path in target.rglob("*") if path.is_file())
        target = target / member if member else random.choice(inside)
        target.write_bytes(damage(target.read_bytes(), random))
    else:
        target.write_bytes(damage(source.read_bytes(), random))
