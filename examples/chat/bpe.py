"""A byte-pair vocabulary: learnt once from a text, then the same ids everywhere.

Ids 0..255 are bytes, so that any text can be written; 256 ends a record; 257 and up are merges,
in the order in which they were learnt. The file holds the merges alone: the rest follows.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from pathlib import Path

END = 256
FIRST_MERGE = 257

# Merges never cross a word: a word carries the blank before it, as in GPT-2.
WORDS = re.compile(r" ?[^\W\d_]+| ?\d+| ?[^\s\w]+|_+|\s+")

Pair = tuple[int, int]


def merge(ids: list[int], pair: Pair, new: int) -> list[int]:
    out: list[int] = []
    i = 0
    while i < len(ids):
        if i + 1 < len(ids) and (ids[i], ids[i + 1]) == pair:
            out.append(new)
            i += 2
        else:
            out.append(ids[i])
            i += 1
    return out


def learn(text: str, size: int) -> list[Pair]:
    """The merges that make a vocabulary of `size` ids, the commonest pair first."""
    counted = Counter(WORDS.findall(text))
    words = [list(word.encode()) for word in counted]
    counts = list(counted.values())
    pairs: Counter[Pair] = Counter()
    where: defaultdict[Pair, set[int]] = defaultdict(set)  # pair -> words that have (or had) it
    for i, ids in enumerate(words):
        for pair in zip(ids, ids[1:]):
            pairs[pair] += counts[i]
            where[pair].add(i)

    merges: list[Pair] = []
    while len(merges) < size - FIRST_MERGE and pairs:
        # The pair itself breaks ties: the same text gives the same vocabulary on every machine.
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        if pairs[best] < 2:
            break
        new = FIRST_MERGE + len(merges)
        merges.append(best)
        for i in where.pop(best):
            for pair in zip(words[i], words[i][1:]):
                pairs[pair] -= counts[i]
                if pairs[pair] <= 0:
                    del pairs[pair]
            words[i] = merge(words[i], best, new)
            for pair in zip(words[i], words[i][1:]):
                pairs[pair] += counts[i]
                where[pair].add(i)
    return merges


class Vocabulary:
    def __init__(self, merges: list[Pair]):
        self.merges = [(a, b) for a, b in merges]
        self.rank = {pair: i for i, pair in enumerate(self.merges)}
        self.bytes = [bytes([i]) for i in range(256)] + [b""]
        for a, b in self.merges:
            self.bytes.append(self.bytes[a] + self.bytes[b])
        self.known: dict[str, list[int]] = {}  # words repeat: each is merged once

    def __len__(self) -> int:
        return len(self.bytes)

    def encode(self, text: str) -> list[int]:
        ids: list[int] = []
        for word in WORDS.findall(text):
            if word not in self.known:
                self.known[word] = self._merged(list(word.encode()))
            ids += self.known[word]
        return ids

    def decode(self, ids: list[int]) -> bytes:
        """Bytes, not text: one id may be half a character."""
        return b"".join(self.bytes[i] for i in ids)

    def _merged(self, ids: list[int]) -> list[int]:
        while len(ids) > 1:
            pair = min(zip(ids, ids[1:]), key=lambda p: self.rank.get(p, len(self.rank)))
            if pair not in self.rank:
                break
            ids = merge(ids, pair, FIRST_MERGE + self.rank[pair])
        return ids

    def save(self, path: Path) -> None:
        path.write_text(json.dumps({"merges": self.merges}) + "\n")

    @staticmethod
    def load(path: Path) -> "Vocabulary":
        return Vocabulary([(a, b) for a, b in json.loads(path.read_text())["merges"]])
