"""The Debian Administrator's Handbook as questions and answers, in shards, with a vocabulary.

    corpus.py OUTPUT_DIR        writes handbook-00.txt ... and vocab.json

A record is one paragraph under the heading that it stands under, the heading put as a question:

    Q: what is debian?
    A: Debian is a GNU/Linux distribution. ...

so that a model which only continues text answers when it is given a question and "A:".
Records are parted by an empty line.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

from bpe import Vocabulary, learn

HANDBOOK = Path("/usr/share/doc/debian-handbook/html/en-US")
ADVICE = """The English handbook is not at {path}.
Install it with   sudo apt-get install debian-handbook
or name its folder of HTML files with   --handbook DIR"""

# The handbook's sidebars say what kind they are before what they are about.
KIND = re.compile(
    r"^(BACK TO BASICS|TIP|GOING FURTHER|CULTURE|NOTE|CAUTION|VOCABULARY|ALTERNATIVE|SECURITY|"
    r"IN PRACTICE|TOOLS?|COMMUNITY|QUICK LOOK|DEBIAN POLICY|DOCUMENTATION|EXTRA|SPECIFIC CASE|"
    r"PERSPECTIVE|BEWARE|HISTORY|HARDWARE|DISCOVERY|COMPLEMENTS|THE BROADER VIEW|SPECIAL CASE|"
    r"DEBIAN SPECIFICITY|BEHIND THE SCENES) (?=\S)")

BLOCKS = {"div", "p", "ul", "ol", "li", "dl", "dt", "dd", "pre", "table", "tr", "td", "th",
          "h1", "h2", "h3", "h4", "h5", "h6"}
HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
SCOPES = {"section", "sidebar", "chapter", "preface", "appendix", "colophon"}
# Navigation, listings and tables: not prose, and a small model has no room for more than prose.
SKIPPED = {"docnav", "banner", "toc", "screen", "programlisting", "index", "table"}


class Page(HTMLParser):
    """One page of the handbook -> (heading, paragraph) pairs, in the order of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.pairs: list[tuple[str, str]] = []
        self.scopes: list[str | None] = [""]  # a heading for a scope, None for any other element
        self.skip_depth = 0
        self.in_heading = False
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in BLOCKS:
            return
        self._flush()
        a = dict(attrs)
        classes = set((a.get("class") or "").split())
        if a.get("id") == "title":
            classes = {"banner"}  # the page's banner, not a heading
        self.scopes.append("" if classes & SCOPES else None)
        if self.skip_depth or classes & SKIPPED or tag in ("pre", "table"):
            self.skip_depth += 1
        self.in_heading = tag in HEADINGS or (tag == "p" and "title" in classes)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass  # an empty element holds no text

    def handle_endtag(self, tag: str) -> None:
        if tag not in BLOCKS:
            return
        self._flush()
        if len(self.scopes) > 1:
            self.scopes.pop()
        if self.skip_depth:
            self.skip_depth -= 1
        self.in_heading = False

    def handle_data(self, data: str) -> None:
        if not self.skip_depth:
            self.words.append(data)

    def _flush(self) -> None:
        text = " ".join("".join(self.words).split())
        self.words.clear()
        if not text:
            return
        if self.in_heading:
            if re.match(r"(Figure|Example|Table) \d", text):
                return  # a caption asks nothing, and must not name what comes after it
            scope = max(i for i, heading in enumerate(self.scopes) if heading is not None)
            self.scopes[scope] = text
        else:
            heading = next((h for h in reversed(self.scopes) if h), "")
            if heading and len(text) > 40:  # shorter is a label, not a sentence
                self.pairs.append((heading, text))


def as_question(heading: str) -> str:
    """'1.1. What Is Debian?' -> 'what is debian?'; 'VOCABULARY Cache' -> 'what is cache?'"""
    heading = re.sub(r"^(Chapter |Appendix )?[\dA-Z]+(\.\d+)*\.\s+", "", heading)
    heading = KIND.sub("", heading)
    text = heading.lower().rstrip(".:")
    if text.endswith("?"):
        return text
    return f"how about {text}?" if text.split()[0].endswith("ing") else f"what is {text}?"


def read(page: Path, paragraphs: int) -> list[str]:
    parser = Page()
    parser.feed(page.read_text(encoding="utf-8"))
    parser.close()
    records: list[str] = []
    asked: Counter[str] = Counter()
    for heading, text in parser.pairs:
        question = as_question(heading)
        asked[question] += 1
        if asked[question] <= paragraphs:
            more = "more: " if asked[question] > 1 else ""
            records.append(f"Q: {more}{question}\nA: {shortened(text)}\n")
    return records


def shortened(text: str, length: int = 320) -> str:
    """Whole sentences up to about `length`, and at least one: an answer that comes to an end."""
    sentences = re.split(r"(?<=[.!?:]) (?=[A-Z])", text)
    while len(sentences) > 1 and len(" ".join(sentences)) > length:
        sentences.pop()
    return " ".join(sentences)


def shards(records: list[str], count: int) -> list[str]:
    """Neighbours stay together; a record is never cut; all shards are about the same size."""
    total = sum(map(len, records))
    out = [""] * count
    before = 0
    for record in records:
        out[min(count - 1, before * count // total)] += record + "\n"
        before += len(record)
    return [shard for shard in out if shard]


def main() -> int:
    parser = argparse.ArgumentParser(description="handbook -> text shards and a vocabulary")
    parser.add_argument("output", type=Path)
    parser.add_argument("--handbook", type=Path, default=HANDBOOK)
    # What a section says first answers its question best. A model that is trained for minutes
    # learns these well, or all of the book badly.
    parser.add_argument("--paragraphs", type=int, default=1, help="for each heading, at most")
    parser.add_argument("--shards", type=int, default=12)
    parser.add_argument("--vocabulary", type=int, default=2048, help="ids, at most 65536")
    args = parser.parse_args()

    pages = sorted(args.handbook.glob("*.html"))
    records = [r for page in pages if page.name != "index.html"
               for r in read(page, args.paragraphs)]
    if not records:
        print(ADVICE.format(path=args.handbook), file=sys.stderr)
        return 1
    args.output.mkdir(parents=True, exist_ok=True)
    texts = shards(records, args.shards)
    for i, text in enumerate(texts):
        (args.output / f"handbook-{i:02}.txt").write_text(text, encoding="utf-8")
    vocabulary = Vocabulary(learn("".join(texts), args.vocabulary))
    vocabulary.save(args.output / "vocab.json")
    print(f"corpus: {len(pages)} pages, {len(records)} records, {sum(map(len, texts))} characters, "
          f"{len(texts)} shards, {len(vocabulary)} ids", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
