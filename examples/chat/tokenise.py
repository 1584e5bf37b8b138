"""One shard of text -> OUTPUT_DIR/<stem>.bin, 16-bit ids in this machine's byte order.

    tokenise.py SHARD OUTPUT_DIR        the vocabulary is vocab.json beside the shard
"""

from __future__ import annotations

import argparse
import os
import sys
from array import array
from pathlib import Path

from bpe import END, Vocabulary


def main() -> int:
    parser = argparse.ArgumentParser(description="one shard of text -> token ids")
    parser.add_argument("shard", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--vocabulary", type=Path, help="default: vocab.json beside the shard")
    args = parser.parse_args()

    vocabulary = Vocabulary.load(args.vocabulary or args.shard.parent / "vocab.json")
    ids = array("H")
    for record in args.shard.read_text(encoding="utf-8").split("\n\n"):
        if record.strip():
            ids.append(END)
            ids.extend(vocabulary.encode(record.strip()))
    ids.append(END)

    # Renamed when whole: a reader, or a second attempt, never sees half a file.
    args.output.mkdir(parents=True, exist_ok=True)
    target = args.output / f"{args.shard.stem}.bin"
    partial = target.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as file:
        ids.tofile(file)
    partial.rename(target)
    print(f"tokenised {args.shard.name}: {len(ids)} ids", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
