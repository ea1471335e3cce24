"""
The fixed half of the benchmark: constants, data, tokenizer, data loader and the metric.
An agent edits train.py; this file is read-only, and so is what it measures.

    python prepare.py                     # the profile's default data
    python prepare.py --source DIR|URL    # any parquet shards with a `text` column
    python prepare.py --shards 4          # fewer training shards
    python prepare.py --holdout           # the last training shard checks the runs, unseen

Two profiles: `h100` (a GPU, 300 s) and `cpu` (two cores, 11 s, a corpus that comes with this file).
AUTORESEARCH_PROFILE picks one, otherwise the GPU decides. Everything that is written lies in
AUTORESEARCH_CACHE (default ~/.cache/autoresearch), in folders named by a hash of the data and of
what was done to it, so profiles, corpora and vocabularies never mix.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import fcntl
import hashlib
import http.client
import json
import math
import multiprocessing
import os
import queue
import shutil
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import NoReturn

import numpy as np
import tiktoken
import torch

# -----------------------------------------------------------------------------
# Constants

PROFILE = os.environ.get("AUTORESEARCH_PROFILE") or ("h100" if torch.cuda.is_available() else "cpu")
HERE = Path(__file__).resolve().parent

if PROFILE == "cpu":
    DEVICE = "cpu"
    MAX_SEQ_LEN = 256  # tokens a row
    TIME_BUDGET = 11.0  # seconds of training
    EVAL_TOKENS = 256 * MAX_SEQ_LEN
    VOCAB_SIZE = 2048  # special tokens included
    DEFAULT_SOURCE = str(HERE / "data")
else:
    DEVICE = "cuda"
    MAX_SEQ_LEN = 2048
    TIME_BUDGET = 300.0
    # One pass over the validation shard where that is smaller (see Packer).
    EVAL_TOKENS = 40 * 524288
    VOCAB_SIZE = 8192
    DEFAULT_SOURCE = "https://huggingface.co/datasets/karpathy/climbmix-400b-shuffle/resolve/main"

# Tests and smoke runs train for less; the summary's training_seconds shows it.
TIME_BUDGET = float(os.environ.get("AUTORESEARCH_SECONDS") or TIME_BUDGET)

TRAIN_SHARDS = 10  # fetched from a URL when --shards does not say
VALIDATION_SHARD = 6542  # pinned: the last one of the default dataset
BUFFER_DOCUMENTS = 1000  # best-fit packing chooses among this many
BATCH_DOCUMENTS = 128  # and takes them in by this many
TOKENIZER_CHARACTERS = 400_000_000  # the tokenizer learns from the first so many
PARALLEL_BYTES = 20_000_000  # shards of more than this are tokenized by several processes
SPECIAL_TOKENS = [f"<|reserved_{i}|>" for i in range(4)]  # the first one is BOS
# GPT-4's split, but digits in groups of 1 to 2: a small vocabulary has no room for 1000 numbers.
SPLIT_PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}"
    r"| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
)
CACHE_FORMAT = 1  # part of every folder's hash; raise it when the files' layout changes


def refuse(message: str) -> NoReturn:
    """The user's mistake: one line on stderr, exit status 1."""
    sys.exit(f"error: {' '.join(message.split())}")


def cache_root() -> Path:
    root = os.environ.get("AUTORESEARCH_CACHE") or Path.home() / ".cache" / "autoresearch"
    return Path(root).expanduser().absolute()


def check_machine() -> None:
    if PROFILE not in ("cpu", "h100"):
        refuse(f"AUTORESEARCH_PROFILE is {PROFILE!r}: say cpu or h100")
    if DEVICE == "cuda" and not torch.cuda.is_available():
        refuse("the h100 profile needs a CUDA GPU, and torch sees none: AUTORESEARCH_PROFILE=cpu")


# -----------------------------------------------------------------------------
# Shards: from a folder as they are, from a URL by download


def local_shards(folder: Path) -> list[Path]:
    """The folder's shards in order; the last one is for validation."""
    if not folder.is_dir():
        refuse(f"no folder {folder}: --source takes a folder of parquet shards or a URL")
    shards = sorted(folder.glob("*.parquet"))
    if len(shards) < 2:
        refuse(
            f"{folder} has {len(shards)} parquet shards: two are needed, "
            "the last one is for validation"
        )
    return shards


def remote_shards(base: str, count: int) -> list[Path]:
    """Download what is missing of `count` training shards and the validation shard."""
    folder = cache_root() / "data"
    if base != DEFAULT_SOURCE:
        folder = folder.with_name(f"data-{hashlib.sha256(base.encode()).hexdigest()[:12]}")
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"shard_{i:05d}.parquet" for i in (*range(count), VALIDATION_SHARD)]
    for name in names:
        if not (folder / name).exists():
            download(f"{base.rstrip('/')}/{name}", folder / name)
    return [folder / name for name in names]


def download(url: str, path: Path, tries: int = 5, pause: float = 1.0) -> None:
    """Fetch into `path`.part, resuming what a broken try left, then rename: never half there."""
    part = path.with_name(path.name + ".part")
    reason = ""
    for attempt in range(tries):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        try:
            _fetch(url, part, path.name)
            _check_parquet(part)
        except urllib.error.HTTPError as error:
            reason = f"HTTP {error.code} {error.reason}"
            if error.code == 416:  # what we have is no beginning of what is there now
                part.unlink(missing_ok=True)
            elif error.code < 500 and error.code != 429:
                break
        except ValueError as error:
            part.unlink(missing_ok=True)  # complete and no parquet file: start over
            reason = str(error)
        except (OSError, EOFError, http.client.HTTPException) as error:  # and short reads
            reason = str(error) or type(error).__name__
        else:
            os.replace(part, path)
            return
    refuse(f"could not download {url}: {reason}")


def _fetch(url: str, part: Path, label: str) -> None:
    """One try. EOFError when less came than the server announced."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=30) as response:
        total = None
        if response.status == 206:
            start, _, size = response.headers["Content-Range"].removeprefix("bytes ").partition("/")
            if int(start.partition("-")[0]) != have:
                part.unlink()
                raise EOFError("the server resumed at another place")
            total = int(size) if size.isdigit() else None
        else:  # the whole file, whatever was asked for
            have = 0
            if response.headers["Content-Length"]:
                total = int(response.headers["Content-Length"])
        with open(part, "ab" if have else "wb") as file:
            while chunk := response.read(1 << 20):
                file.write(chunk)
                have += len(chunk)
                of = f" of {total / 1e6:.1f}" if total else ""
                progress(f"{label}: {have / 1e6:.1f}{of} MB")
    progress("")
    if total is not None and have != total:
        raise EOFError(f"{have} of {total} bytes came")


def progress(text: str) -> None:
    """Rewrite one line on a terminal; say nothing elsewhere."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _check_parquet(path: Path) -> None:
    """ValueError unless it is a complete parquet file with a text column of strings."""
    import pyarrow
    import pyarrow.parquet

    try:
        schema = pyarrow.parquet.read_schema(path)
    except pyarrow.ArrowException as error:
        raise ValueError(f"not a complete parquet file ({error})") from None
    if "text" not in schema.names:
        raise ValueError(f"no `text` column (it has: {', '.join(schema.names)})")
    kind = schema.field("text").type
    if not (pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind)):
        raise ValueError(f"the `text` column holds {kind}, not strings")


def read_documents(shard: Path) -> list[str]:
    """All documents of a shard, in order; empty ones are left out."""
    import pyarrow
    import pyarrow.parquet

    try:
        _check_parquet(shard)
        column = pyarrow.parquet.read_table(shard, columns=["text"])["text"]
        documents = [text for text in column.to_pylist() if text]
    except UnicodeDecodeError as error:
        refuse(f"{shard}: its text is not UTF-8 ({error.reason}): write the shard again")
    except (ValueError, OSError, pyarrow.ArrowException) as error:
        refuse(f"{shard}: {error}: delete it and prepare again")
    if not documents:
        refuse(f"{shard} has no documents")
    return documents


# -----------------------------------------------------------------------------
# Tokenizer: trained by rustbpe, used through tiktoken


class Tokenizer:
    """Byte pair encoding; the special tokens come after the merged ones."""

    def __init__(self, ranks: dict[bytes, int], pattern: str = SPLIT_PATTERN) -> None:
        self.ranks = ranks
        special = {name: len(ranks) + i for i, name in enumerate(SPECIAL_TOKENS)}
        self.encoding = tiktoken.Encoding(
            "autoresearch", pat_str=pattern, mergeable_ranks=ranks, special_tokens=special
        )
        self.bos = special[SPECIAL_TOKENS[0]]

    @classmethod
    def train(cls, texts: Iterable[str], vocab_size: int) -> Tokenizer:
        try:
            import rustbpe
        except ImportError:
            refuse("rustbpe is not installed: pip install rustbpe, or give --tokenizer FILE")
        learner = rustbpe.Tokenizer()
        merges = vocab_size - len(SPECIAL_TOKENS)
        learner.train_from_iterator(texts, merges, pattern=SPLIT_PATTERN)
        return cls({bytes(piece): rank for piece, rank in learner.get_mergeable_ranks()})

    @classmethod
    def load(cls, path: Path) -> Tokenizer:
        try:
            data = json.loads(path.read_text())
            pieces = [base64.b64decode(piece, validate=True) for piece in data["pieces"]]
            if len(set(pieces)) != len(pieces) or len(pieces) < 256:
                raise ValueError("its pieces are not distinct")
            return cls({piece: rank for rank, piece in enumerate(pieces)}, data["pattern"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            refuse(f"{path} is no tokenizer ({error}): delete its folder, run python prepare.py")

    @classmethod
    def from_directory(cls, folder: Path | None = None) -> Tokenizer:
        return cls.load((folder or prepared()) / "tokenizer.json")

    def save(self, path: Path) -> None:
        pieces = [
            base64.b64encode(p).decode() for p in sorted(self.ranks, key=self.ranks.__getitem__)
        ]
        path.write_text(json.dumps({"pattern": self.encoding._pat_str, "pieces": pieces}))

    def get_vocab_size(self) -> int:
        return self.encoding.n_vocab

    def encode(self, text: str) -> list[int]:
        """Tokens of plain text: what looks like a special token in it is not one."""
        return self.encoding.encode_ordinary(text)

    def decode(self, tokens: list[int]) -> str:
        return self.encoding.decode(tokens)

    def token_bytes(self) -> np.ndarray:
        """Bytes of UTF-8 that each token stands for, (vocab,); special tokens have none."""
        sizes = np.zeros(self.get_vocab_size(), dtype=np.int64)
        for piece, rank in self.ranks.items():
            sizes[rank] = len(piece)
        return sizes


# -----------------------------------------------------------------------------
# Token cache: every document tokenized once, as uint16 after a BOS, in files to be mapped


def prepare(
    source: str = "",
    shards: int = 0,
    tokenizer_file: str = "",
    quiet: bool = False,
    holdout: bool = False,
) -> Path:
    """Make the token cache of a source unless it is there, and make it the profile's own."""
    say: Callable[[str], None] = (lambda text: None) if quiet else print
    source = source or DEFAULT_SOURCE
    root = cache_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root / "lock", say):
            if source.startswith(("http://", "https://")):
                paths = remote_shards(source, shards or TRAIN_SHARDS)
            else:
                paths = local_shards(Path(source).expanduser().absolute())
                paths = paths[:-1][: shards or None] + paths[-1:]
            if holdout and len(paths) < 3:
                refuse(f"a hold-out needs three shards, {source} has {len(paths)}")
            key = _key(paths, tokenizer_file, holdout)
            folder = root / f"{PROFILE}-{key}"
            for left_over in root.glob(f"{PROFILE}-*.tmp"):  # of a killed one: we hold the lock
                shutil.rmtree(left_over)
            if not folder.exists():
                temporary = folder.with_suffix(".tmp")
                temporary.mkdir()
                try:
                    _build(temporary, paths, tokenizer_file, say, holdout)
                    os.rename(temporary, folder)
                finally:
                    shutil.rmtree(temporary, ignore_errors=True)
            pointer = {"folder": folder.name, "source": source, "settings": _settings()}
            _write_atomically(root / f"{PROFILE}.json", json.dumps(pointer))
    except OSError as error:
        refuse(f"cannot prepare in {root}: {error}")
    meta = json.loads((folder / "meta.json").read_text())
    say(f"training {meta['train_tokens']:,} tokens, validation {meta['val_tokens']:,}")
    say(f"{PROFILE} profile: ready in {folder}")
    return folder


def _settings() -> str:
    """A hash of what, besides the data, decides the files."""
    parts = (CACHE_FORMAT, VOCAB_SIZE, TOKENIZER_CHARACTERS, SPECIAL_TOKENS, SPLIT_PATTERN)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _key(paths: list[Path], tokenizer_file: str, holdout: bool) -> str:
    digest = hashlib.sha256((_settings() + "holdout" * holdout).encode())
    for path in (*paths, *([Path(tokenizer_file)] if tokenizer_file else [])):
        with open(path, "rb") as file:
            while chunk := file.read(1 << 22):
                digest.update(chunk)
    return digest.hexdigest()[:16]


def _build(
    folder: Path,
    paths: list[Path],
    tokenizer_file: str,
    say: Callable[[str], None],
    holdout: bool,
) -> None:
    splits = {"train": paths[:-1], "val": paths[-1:]}
    if holdout:
        splits = {"train": paths[:-2], "val": paths[-1:], "holdout": paths[-2:-1]}
    started = time.time()
    for path in paths:  # a bad shard is found before the work, not after
        try:
            _check_parquet(path)
        except ValueError as error:
            refuse(f"{path}: {error}")
    if tokenizer_file:
        tokenizer = Tokenizer.load(Path(tokenizer_file))
    else:
        tokenizer = Tokenizer.train(_first_characters(splits["train"]), VOCAB_SIZE)
    if tokenizer.get_vocab_size() > VOCAB_SIZE:
        refuse(
            f"the tokenizer has {tokenizer.get_vocab_size()} tokens, prepare.py says {VOCAB_SIZE}"
        )
    tokenizer.save(folder / "tokenizer.json")
    say(f"tokenizer: {tokenizer.get_vocab_size()} tokens in {time.time() - started:.1f} s")
    meta: dict[str, object] = {"shards": [path.name for path in paths]}
    large = sum(path.stat().st_size for path in paths) > PARALLEL_BYTES
    workers = min(os.cpu_count() or 1, 32) if large else 0
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, context) if workers else contextlib.nullcontext() as pool:
        for split, shards in splits.items():
            started, lengths = time.time(), [np.zeros(1, dtype=np.int64)]
            with open(folder / f"{split}.u16", "wb") as file:
                for shard in shards:
                    documents = read_documents(shard)
                    batches = [documents[i : i + 512] for i in range(0, len(documents), 512)]
                    run = pool.map if pool else map
                    for tokens, sizes in run(_Encoder(folder / "tokenizer.json"), batches):
                        file.write(tokens)
                        lengths.append(sizes)
                file.flush()
                os.fsync(file.fileno())
            starts = np.cumsum(np.concatenate(lengths))
            np.save(folder / f"{split}_starts.npy", starts)
            meta[f"{split}_tokens"], meta[f"{split}_documents"] = int(starts[-1]), len(starts) - 1
            say(f"{split}: {starts[-1]:,} tokens in {time.time() - started:.1f} s")
    (folder / "meta.json").write_text(json.dumps(meta, indent=1))


def _first_characters(paths: list[Path]) -> Iterator[str]:
    limit = TOKENIZER_CHARACTERS
    for path in paths:
        for text in read_documents(path):
            yield text
            limit -= len(text)
            if limit <= 0:
                return


class _Encoder:
    """Documents to (their tokens as bytes of uint16, their lengths); pickles as a path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, documents: list[str]) -> tuple[bytes, np.ndarray]:
        tokenizer = _load_once(self.path)
        encode = tokenizer.encoding.encode_to_numpy
        bos = np.array([tokenizer.bos], dtype=np.uint16)
        parts, sizes = [], []
        for text in documents:
            tokens = encode(text, disallowed_special=())
            parts += [bos, tokens.astype(np.uint16)]
            sizes.append(len(tokens) + 1)
        return np.concatenate(parts).tobytes(), np.array(sizes, dtype=np.int64)


@cache
def _load_once(path: Path) -> Tokenizer:
    return Tokenizer.load(path)


@contextlib.contextmanager
def _locked(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    """One process at a time prepares; the lock dies with its holder."""
    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process is preparing: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write_atomically(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(text)
    os.replace(temporary, path)


@cache
def prepared() -> Path:
    """The folder to train from. The cpu profile makes its own when there is none."""
    root = cache_root()
    try:
        pointer = json.loads((root / f"{PROFILE}.json").read_text())
        folder, settings = root / Path(pointer["folder"]).name, pointer["settings"]
        default = pointer["source"] == DEFAULT_SOURCE
    except (OSError, ValueError, KeyError, TypeError):
        folder, settings, default = None, "", True
    if PROFILE == "cpu" and default:
        return prepare(quiet=True)  # some milliseconds when nothing changed
    if folder is None or not folder.is_dir():
        refuse(f"nothing is prepared in {root}: run python prepare.py")
    if settings != _settings():
        refuse("the data was prepared for another vocabulary or format: run python prepare.py")
    return folder


def open_split(split: str) -> tuple[np.ndarray, np.ndarray]:
    """The split's tokens, (n,) uint16, mapped, and its documents' starts, (documents + 1,)."""
    folder = prepared()
    try:
        starts = np.load(folder / f"{split}_starts.npy")
        tokens = np.memmap(folder / f"{split}.u16", dtype=np.uint16, mode="r")
    except (OSError, ValueError) as error:
        refuse(f"{folder} is damaged ({error}): delete it, run python prepare.py")
    if len(tokens) != starts[-1]:
        refuse(f"{folder} is damaged ({split} is cut short): delete it, run python prepare.py")
    return tokens, starts


# -----------------------------------------------------------------------------
# Data loader: best-fit packing, done ahead in a thread


class Packer:
    """Packs documents into rows without padding; every row starts with BOS.

    A row takes the longest document of the buffer that fits whole; when none does, the shortest
    is cropped to fill it (the rest of that document is lost). Of equal ones the earlier is taken.
    Documents enter the buffer in file order. `repeat` starts over at the end; otherwise the
    buffer drains and packing ends with the last full row.
    """

    def __init__(self, starts: np.ndarray, capacity: int, repeat: bool) -> None:
        self.starts, self.capacity, self.repeat = starts.tolist(), capacity, repeat
        self.documents = len(starts) - 1
        self.taken = 0  # documents that entered the buffer so far
        self.seen = self.cropped = 0  # tokens of the documents packed so far, and those lost
        # The buffer is a sorted list of numbers, length * 2^40 - arrival: a bisection finds
        # the best fit, and among equal lengths the one that came first.
        self.buffer: list[int] = []

    @property
    def epoch(self) -> int:
        return 1 + max(self.taken - 1, 0) // self.documents

    def _refill(self) -> None:
        while len(self.buffer) < BUFFER_DOCUMENTS:
            for arrival in range(self.taken, self.taken + BATCH_DOCUMENTS):
                document = arrival % self.documents
                if arrival >= self.documents and not self.repeat:
                    return
                length = self.starts[document + 1] - self.starts[document]
                insort(self.buffer, (length << 40) - arrival)
                self.taken += 1

    def row(self) -> list[tuple[int, int]] | None:
        """Slices (start, stop) of the token file that make up the next row; None at the end."""
        slices, left = [], self.capacity
        while left:
            self._refill()
            if not self.buffer:
                return None
            best = bisect_right(self.buffer, left << 40) - 1
            if best < 0:  # nothing fits: the shortest, of equal ones the first
                shortest = -(-self.buffer[0] >> 40)
                best = bisect_right(self.buffer, shortest << 40) - 1
            document = -self.buffer.pop(best) % (1 << 40) % self.documents
            start, stop = self.starts[document], self.starts[document + 1]
            self.seen += stop - start
            self.cropped += max(stop - start - left, 0)
            stop = min(stop, start + left)
            slices.append((start, stop))
            left -= stop - start
        return slices

    def fill(self, tokens: np.ndarray, rows: np.ndarray) -> int:
        """Write the next rows into `rows`, (n, capacity); how many there were."""
        for i in range(len(rows)):
            slices = self.row()
            if slices is None:
                return i
            np.concatenate([tokens[start:stop] for start, stop in slices], out=rows[i])
        return len(rows)


class Loader:
    """Endless batches (x, y, epoch), x and y of shape (B, T), packed ahead in a thread.

    Packing needs a few milliseconds of one core a batch, so the queue is always full and `next`
    costs the start of an asynchronous copy; `waited` sums the seconds it did not.
    """

    def __init__(self, rows: int, length: int, split: str, ahead: int = 4) -> None:
        self.rows = rows
        self.tokens, starts = open_split(split)
        self.packer = Packer(starts, length + 1, repeat=True)
        self.waited = 0.0
        self.queue: queue.Queue[tuple[torch.Tensor, int] | BaseException] = queue.Queue(ahead)
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        try:
            while True:
                rows = np.empty((self.rows, self.packer.capacity), dtype=np.uint16)
                self.packer.fill(self.tokens, rows)
                batch = torch.from_numpy(rows.astype(np.int32))
                if DEVICE == "cuda":  # torch reuses the pinned memory once its copy is done
                    batch = batch.pin_memory()
                self.queue.put((batch, self.packer.epoch))
        except BaseException as error:  # noqa: BLE001 - raised again in the consumer
            self.queue.put(error)

    def __iter__(self) -> Loader:
        return self

    def __next__(self) -> tuple[torch.Tensor, torch.Tensor, int]:
        try:
            item = self.queue.get_nowait()
        except queue.Empty:
            started = time.perf_counter()
            item = self.queue.get()
            self.waited += time.perf_counter() - started
        if isinstance(item, BaseException):
            raise item
        batch, epoch = item
        batch = batch.to(DEVICE, non_blocking=True).long()
        return batch[:, :-1].contiguous(), batch[:, 1:].contiguous(), epoch


def make_dataloader(tokenizer: Tokenizer, B: int, T: int, split: str) -> Loader:
    """Batches of B rows of T tokens of the split, "train" or "val"."""
    if tokenizer.get_vocab_size() != Tokenizer.from_directory().get_vocab_size():
        refuse("the tokenizer is not the one that the data was prepared with")
    return Loader(B, T, split)


# -----------------------------------------------------------------------------
# The metric


@torch.no_grad()
def evaluate_bpb(
    model: Callable[..., torch.Tensor], tokenizer: Tokenizer, batch_size: int
) -> float:
    """Bits per byte on the validation split: cross entropy in bits over UTF-8 bytes.

    `model(x, y, reduction="none")` gives the cross entropy in nats of every target. Targets
    without bytes (special tokens) count neither way, so the vocabulary does not matter. The rows
    are the same for every batch size: the last batch is filled up with rows of BOS, which have
    no bytes.
    """
    started = time.time()
    bpb, tokens, size = _evaluate(model, tokenizer, batch_size, "val")
    seconds, unseen = time.time() - started, None
    if os.environ.get("AUTORESEARCH_REPORT_FD") and (prepared() / "holdout.u16").exists():
        unseen = _evaluate(model, tokenizer, batch_size, "holdout")[0]  # told to the runner alone
    _report(bpb, tokens, size, seconds, unseen)
    return bpb


def _evaluate(
    model: Callable[..., torch.Tensor], tokenizer: Tokenizer, batch_size: int, split: str
) -> tuple[float, int, int]:
    """(bits per byte, tokens, bytes) of a split."""
    tokens, starts = open_split(split)
    packer = Packer(starts, MAX_SEQ_LEN + 1, repeat=False)
    token_bytes = torch.from_numpy(tokenizer.token_bytes()).to(DEVICE)
    nats = torch.zeros((), dtype=torch.float64, device=DEVICE)
    total_bytes = torch.zeros((), dtype=torch.int64, device=DEVICE)
    wanted, counted = EVAL_TOKENS // MAX_SEQ_LEN, 0  # rows
    while counted < wanted:
        rows = np.full((batch_size, MAX_SEQ_LEN + 1), tokenizer.bos, dtype=np.uint16)
        filled = packer.fill(tokens, rows[: wanted - counted])
        if not filled:
            break
        counted += filled
        batch = torch.from_numpy(rows.astype(np.int64)).to(DEVICE)
        x, y = batch[:, :-1].contiguous(), batch[:, 1:].contiguous()
        loss = model(x, y, reduction="none").view(-1)  # (B*T,)
        target_bytes = token_bytes[y.view(-1)]
        nats += (loss * (target_bytes > 0)).sum(dtype=torch.float64)
        total_bytes += target_bytes.sum()
    if not counted:
        refuse(f"the {split} split is shorter than one row of {MAX_SEQ_LEN} tokens: add text")
    bpb = nats.item() / (math.log(2) * total_bytes.item())
    return bpb, counted * MAX_SEQ_LEN, int(total_bytes)


def _report(bpb: float, tokens: int, size: int, seconds: float, unseen: float | None) -> None:
    """Tell the runner what was evaluated, so that it can check the number that is printed.

    A runner that wants to know sets AUTORESEARCH_REPORT_FD to an open file descriptor and gets
    one JSON line for every evaluation.
    """
    descriptor = os.environ.get("AUTORESEARCH_REPORT_FD", "")
    if descriptor.isdigit():
        value = bpb if math.isfinite(bpb) else None
        line = {"metric": "val_bpb", "value": value, "tokens": tokens, "bytes": size}
        if unseen is not None and math.isfinite(unseen):
            line["holdout"] = unseen
        with contextlib.suppress(OSError):  # nobody listens any more
            os.write(int(descriptor), json.dumps(line | {"seconds": seconds}).encode() + b"\n")


# -----------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description="Prepare data and tokenizer for train.py.")
    parser.add_argument(
        "--source", default="", help="default, a folder of parquet shards, or a URL"
    )
    parser.add_argument("--shards", type=int, default=0, help="training shards to use")
    parser.add_argument("--tokenizer", default="", help="use this tokenizer.json, do not train one")
    parser.add_argument("--holdout", action="store_true", help="keep one training shard apart")
    arguments = parser.parse_args()
    if PROFILE not in ("cpu", "h100"):
        check_machine()
    if arguments.shards < 0 or arguments.shards > VALIDATION_SHARD:
        refuse(f"--shards takes 1 to {VALIDATION_SHARD}")
    source = "" if arguments.source == "default" else arguments.source
    prepare(source, arguments.shards, arguments.tokenizer, holdout=arguments.holdout)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
