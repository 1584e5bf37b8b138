"""From a prompt to text, piece by piece."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch

from bpe import END, Vocabulary
from model import GPT


@dataclass
class Request:
    prompt: str
    max_tokens: int = 60
    temperature: float = 0.7
    seed: int | None = None
    stop: list[str] = field(default_factory=list)


@dataclass
class Usage:
    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish_reason: str = "length"  # or "stop"


def as_prompt(question: str) -> str:
    """The form that corpus.py gives to every paragraph."""
    return f"Q: {' '.join(question.lower().split())}\nA:"


@torch.no_grad()
def ids_after(model: GPT, ids: list[int], request: Request) -> Iterator[int]:
    """Draws one id after the other. No cache: at this size a whole window takes milliseconds."""
    dice = torch.Generator()
    dice.seed() if request.seed is None else dice.manual_seed(request.seed % 2**63)
    context = model.config.context
    ids = list(ids)
    for _ in range(request.max_tokens):
        scores = model(torch.tensor([ids[-context:]]))[0, -1]
        if request.temperature < 0.01:
            new = int(scores.argmax())
        else:
            # The unlikely tail is most of a small model's nonsense: only the best 40 take part.
            best, at = scores.topk(min(40, len(scores)))
            odds = (best / request.temperature).softmax(-1)
            new = int(at[torch.multinomial(odds, 1, generator=dice)])
        ids.append(new)
        yield new


def answer(model: GPT, vocabulary: Vocabulary, request: Request, usage: Usage) -> Iterator[str]:
    """Pieces of text; `usage` is complete when they end.

    A piece is held back while it may be the beginning of a stop word, or half a character.
    """
    ids = [END] + vocabulary.encode(request.prompt)
    usage.prompt_tokens = len(ids)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    held = ""
    for new in ids_after(model, ids, request):
        usage.completion_tokens += 1
        if new == END:
            usage.finish_reason = "stop"
            break
        held += decoder.decode(vocabulary.decode([new]))
        cuts = [at for at in (held.find(word) for word in request.stop) if at >= 0]
        if cuts:
            usage.finish_reason = "stop"
            held = held[: min(cuts)]
            break
        keep = max((n for word in request.stop for n in range(1, len(word))
                    if held.endswith(word[:n])), default=0)
        ready, held = held[: len(held) - keep], held[len(held) - keep:]
        if ready:
            yield ready
    if held:
        yield held
