"""Trains the model of model.py; any number of ranks, stopped and resumed at any step.

Each rank is started with torchrun's variables (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT); with
none of them it trains alone. Upon SIGTERM (a spot machine is being taken away) all ranks end after
the same step, rank 0 saves, and all exit with 143. The next start goes on from there.

Lines that a script may read, each flushed at once:

    resumed from step 120 (loss 3.210)
    step 130/400 loss 3.187 tokens/s 5000
    checkpoint at step 150 loss 3.150
    finished step 400 loss 2.900 validation 3.400 seconds 150

After every step, the file that $MOHONA_PROGRESS names, if it names one, says the same in short:
"130/400 loss=3.187".
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from array import array
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from bpe import END, Vocabulary
from model import GPT, Config
from muon import Muon

STOPPED = 128 + signal.SIGTERM


@dataclass
class Progress:
    step: int = 0
    loss: float = 0.0      # running mean over about the last 20 steps: one batch is noise
    seconds: float = 0.0   # of training, over all attempts

    def saw(self, loss: float) -> None:
        weight = max(1 / (self.step + 1), 0.05)
        self.loss += weight * (loss - self.loss)
        self.step += 1


def say(text: str) -> None:
    if rank() == 0:
        print(text, flush=True)


def rank() -> int:
    return int(os.environ.get("RANK", "0"))


def world() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def join(cpu: bool) -> torch.device:
    """Meets the other ranks; returns the device that this rank computes on."""
    cuda = torch.cuda.is_available() and not cpu
    if cuda:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    if os.environ.setdefault("MASTER_ADDR", "127.0.0.1") in ("127.0.0.1", "localhost", "::1"):
        # All ranks are here. Gloo would look up this machine's own name, which may not resolve.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    os.environ.setdefault("RANK", "0")
    os.environ.setdefault("WORLD_SIZE", "1")
    if world() > 1:
        dist.init_process_group("nccl" if cuda else "gloo")
    return torch.device("cuda" if cuda else "cpu")


def load_ids(data: Path) -> tuple[Tensor, Tensor]:
    """All shards in the order of their names: ids to learn from, and one part in 32 to judge by."""
    learn, judge = array("H"), array("H")
    for path in sorted(data.glob("*.bin")):
        ids = array("H")
        ids.frombytes(path.read_bytes())
        cut = len(ids) - len(ids) // 32
        learn += ids[:cut]
        judge += ids[cut:]
    return torch.tensor(learn, dtype=torch.int32), torch.tensor(judge, dtype=torch.int32)


def batch_at(ids: Tensor, starts: Tensor, context: int, device: torch.device) -> Tensor:
    return ids[starts[:, None] + torch.arange(context + 1)].long().to(device)


def loss_of(model: torch.nn.Module, batch: Tensor) -> Tensor:
    return F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())


@torch.no_grad()
def validate(model: GPT, ids: Tensor, context: int, device: torch.device) -> float:
    starts = torch.arange(0, len(ids) - context, context)
    losses = [loss_of(model, batch_at(ids, part, context, device)) for part in starts.split(16)]
    return float(torch.stack(losses).mean()) if losses else float("nan")


def write_durably(path: Path, content: dict) -> None:
    """The old file or the new one, whatever happens meanwhile; never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def write_progress(progress: Progress, done: float) -> None:
    """Where --seconds is what ends it, as many steps as fit into them are all of them."""
    path = os.environ.get("MOHONA_PROGRESS")
    if path and rank() == 0:
        steps = round(progress.step / done)
        Path(path).write_text(f"{progress.step}/{steps} loss={progress.loss:.3f}\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="train a small language model")
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder of *.bin")
    add("--vocabulary", type=Path, required=True, help="vocab.json")
    add("--checkpoint", type=Path, required=True, help="folder that outlives this process")
    add("--output", type=Path, required=True, help="folder for the finished model")
    add("--steps", type=int, default=800)
    add("--seconds", type=float, default=float("inf"), help="end at the latest after so long")
    add("--save-every", type=int, default=50, metavar="STEPS")
    add("--layers", type=int, default=3)
    add("--heads", type=int, default=5)
    add("--width", type=int, default=160)
    add("--context", type=int, default=128, help="ids that the model sees at once")
    add("--batch", type=int, default=8, help="sequences for each rank and step")
    add("--rate", type=float, default=4e-3, help="highest learning rate of AdamW")
    add("--matrix-rate", type=float, default=0.02, help="the same of Muon")
    add("--seed", type=int, default=1)
    add("--cpu", action="store_true", help="leave GPUs alone")
    return parser.parse_args()


def main() -> int:
    args = arguments()
    asked_to_stop = False

    def on_term(signum: int, frame: object) -> None:
        nonlocal asked_to_stop
        asked_to_stop = True  # the step in hand is finished first, on all ranks

    signal.signal(signal.SIGTERM, on_term)
    torch.set_num_threads(1)  # one rank, one core
    torch.manual_seed(args.seed)
    device = join(args.cpu)

    ids, held_out = load_ids(args.data)
    # Every window begins with a question, as it does when the model is asked one.
    records = (ids[: -args.context - 1] == END).nonzero()[:, 0]
    if len(records) == 0 or len(held_out) == 0:
        print(f"train: {args.data} holds {len(ids)} ids: too few to learn from", file=sys.stderr)
        return 1
    config = Config(len(Vocabulary.load(args.vocabulary)), args.context, args.layers, args.heads,
                    args.width)
    model = GPT(config).to(device)
    matrices = [p for p in model.blocks.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if all(p is not m for m in matrices)]
    optimizers = {"muon": Muon(matrices, args.matrix_rate),
                  "adam": torch.optim.AdamW(others, args.rate, betas=(0.9, 0.98))}
    progress = Progress()
    saved = args.checkpoint / "checkpoint.pt"
    if saved.exists():
        state = torch.load(saved, map_location=device)
        model.load_state_dict(state["model"])
        for name, optimizer in optimizers.items():
            optimizer.load_state_dict(state[name])
        progress = Progress(**state["progress"])
        say(f"resumed from step {progress.step} (loss {progress.loss:.3f})")
    else:
        say(f"model of {model.parameter_count()} parameters, {len(ids)} ids, {world()} ranks")

    def save() -> None:
        if rank() == 0:
            write_durably(saved, {"model": model.state_dict(), "progress": vars(progress),
                                  **{name: o.state_dict() for name, o in optimizers.items()}})
        say(f"checkpoint at step {progress.step} loss {progress.loss:.3f}")

    trained = DistributedDataParallel(model) if world() > 1 else model
    done = progress.step / args.steps  # from 0 to 1, in steps or in seconds, whichever is further
    before = progress.seconds
    begin = time.monotonic()
    mark, mark_step = begin, progress.step
    while done < 1:
        # The batch follows from the step alone, so a resumed run sees what it would have seen:
        # no state of a random generator needs to be kept.
        dice = torch.Generator().manual_seed((args.seed << 40) + (progress.step << 12) + rank())
        starts = records[torch.randint(len(records), (args.batch,), generator=dice)]
        warm = min(1.0, (progress.step + 1) / 20)
        for optimizer in optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = optimizer.defaults["lr"] * warm * (1 - 0.98 * done)
            optimizer.zero_grad(set_to_none=True)
        loss = loss_of(trained, batch_at(ids, starts, args.context, device))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers.values():
            optimizer.step()

        # One sum for all that the ranks must agree on: the loss, whether anyone was asked to stop,
        # and the time, which is rank 0's.
        now = time.monotonic()
        shared = torch.tensor([float(loss), float(asked_to_stop),
                               before + now - begin if rank() == 0 else 0.0],
                              dtype=torch.float64, device=device)
        if world() > 1:
            dist.all_reduce(shared)
        total_loss, stop, progress.seconds = shared.tolist()
        progress.saw(total_loss / world())
        done = max(progress.step / args.steps, progress.seconds / args.seconds)
        write_progress(progress, min(done, 1.0))

        if progress.step % 10 == 0:
            ids_seen = (progress.step - mark_step) * args.batch * args.context * world()
            say(f"step {progress.step}/{args.steps} loss {progress.loss:.3f} "
                f"tokens/s {ids_seen / (now - mark):.0f}")
            mark, mark_step = now, progress.step
        if stop or done >= 1 or progress.step % args.save_every == 0:
            save()
        if stop and done < 1:
            return STOPPED

    if rank() == 0:
        args.output.mkdir(parents=True, exist_ok=True)
        model.save(args.output / "model.pt")
        shutil.copyfile(args.vocabulary, args.output / "vocab.json")
        say(f"finished step {progress.step} loss {progress.loss:.3f} "
            f"validation {validate(model, held_out, args.context, device):.3f} "
            f"seconds {progress.seconds:.0f}")
    return 0


if __name__ == "__main__":
    code = main()
    if dist.is_initialized():
        if code != 1:
            dist.barrier()  # no rank closes its sockets while another still uses them
        dist.destroy_process_group()
    sys.exit(code)
