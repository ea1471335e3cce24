"""
Measures the h100 profile on a GPU machine: what docs/benchmark.md reports comes from here.

    python measure_gpu.py smoke   --out DIR       # does it work at all, and where does time go
    python measure_gpu.py compare --out DIR       # our loader against a plain one, 30 s each
    python measure_gpu.py full    --out DIR --name full_1 [--seconds 300] [--seed 42]
    python measure_gpu.py table   DIR/measure.json ...

Run prepare.py first. Every run is the real train.py in a process of its own, with the settings of
the published baseline (`--settings`: another one of published.py, or `ours`); `--set NAME=VALUE`
changes constants of it, `--cold` gives it an empty compile cache, `--loader plain` an ordinary
loader that tokenizes and packs inside the step. After each run DIR/measure.json is rewritten;
DIR/measure.log has everything that was printed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
MARK = "@measure "
PROGRESS = re.compile(
    r"step (\d+) \(.*loss: ([\d.]+|nan) .*dt: (\d+)ms .*tok/sec: ([\d,]+) .*mfu: ([\d.]+)%"
)
UNTIMED_STEPS = 11

# -----------------------------------------------------------------------------
# In the child: train.py with hooks around its loader


class PlainLoader:
    """The ordinary way, for comparison: tokenize and pack in Python when a batch is asked for."""

    def __init__(self, tokenizer: object, documents: list[str], rows: int, length: int) -> None:
        import torch

        self.tokenizer, self.documents = tokenizer, documents
        self.rows, self.capacity = rows, length + 1
        self.buffer: list[list[int]] = []
        self.taken = 0
        self.host = torch.empty((rows, self.capacity), dtype=torch.long)
        self.waited = 0.0

    def refill(self) -> None:
        import prepare

        while len(self.buffer) < prepare.BUFFER_DOCUMENTS:
            count = len(self.documents)
            several = range(self.taken, self.taken + prepare.BATCH_DOCUMENTS)
            texts = [self.documents[i % count] for i in several]
            encoded = self.tokenizer.encoding.encode_ordinary_batch(texts, num_threads=8)
            self.buffer += [[self.tokenizer.bos, *tokens] for tokens in encoded]
            self.taken += prepare.BATCH_DOCUMENTS

    def pack(self) -> None:
        import torch

        for row in self.host:
            at = 0
            while at < self.capacity:
                self.refill()
                left, best, length = self.capacity - at, -1, 0
                for i, document in enumerate(self.buffer):
                    if length < len(document) <= left:
                        best, length = i, len(document)
                if best < 0:
                    best = min(range(len(self.buffer)), key=lambda i: len(self.buffer[i]))
                document = self.buffer.pop(best)[:left]
                row[at : at + len(document)] = torch.tensor(document)
                at += len(document)

    def __next__(self) -> tuple:
        import prepare

        self.pack()
        host = self.host.pin_memory() if prepare.DEVICE == "cuda" else self.host.clone()
        batch = host.to(prepare.DEVICE, non_blocking=True)
        epoch = 1 + (self.taken - 1) // len(self.documents)
        return batch[:, :-1].contiguous(), batch[:, 1:].contiguous(), epoch


def plain_loader(tokenizer: object, B: int, T: int, split: str) -> PlainLoader:
    import prepare

    source = json.loads((prepare.cache_root() / f"{prepare.PROFILE}.json").read_text())["source"]
    documents = []
    for shard in prepare.local_shards(Path(source))[:-1]:
        documents += prepare.read_documents(shard)
    return PlainLoader(tokenizer, documents, B, T)


class Watch:
    """A loader that counts and times `next`, and profiles some batches on the way."""

    def __init__(self, loader: object, profile_at: int, profile_batches: int = 6) -> None:
        self.loader, self.calls, self.host_seconds = loader, 0, 0.0
        self.first, self.last = profile_at, profile_at + profile_batches
        self.profile: dict = {}
        self.profiler = None

    def __next__(self) -> tuple:
        self.calls += 1
        if self.first and self.calls in (self.first, self.last):
            self.toggle()
        started = time.perf_counter()
        batch = next(self.loader)
        self.host_seconds += time.perf_counter() - started
        return batch

    def toggle(self) -> None:
        import torch
        from torch.profiler import ProfilerActivity, profile

        torch.cuda.synchronize()
        if self.profiler is None:
            self.profiler = profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA])
            self.profiler.start()
            return
        self.profiler.stop()
        averages = self.profiler.key_averages()
        print("\n" + averages.table(sort_by="self_cuda_time_total", row_limit=45,
                                   max_name_column_width=90))  # fmt: skip
        on_gpu = torch.autograd.DeviceType.CUDA
        events = self.profiler.profiler.kineto_results.events()
        spans = sorted((e.start_ns(), e.start_ns() + e.duration_ns())
                       for e in events if e.device_type() == on_gpu)  # fmt: skip
        busy, end, gaps = 0, spans[0][0], []
        for start, stop in spans:
            gaps.append(max(start - end, 0) / 1e3)
            busy += max(stop - max(start, end), 0)
            end = max(end, stop)
        span = end - spans[0][0]
        self.profile = {
            "gpu_busy_percent": round(100 * busy / span, 2),
            "span_ms": round(span / 1e6, 2),
            "longest_gaps_us": [round(gap) for gap in sorted(gaps)[-8:]],
            "gpu_ms": {
                e.key[:90]: round(e.self_device_time_total / 1e3, 2)
                for e in sorted(averages, key=lambda e: -e.self_device_time_total)[:45]
            },
        }


def child(options: dict) -> None:
    """Run train.py here, changed and watched as the options say."""
    sys.path.insert(0, str(HERE))
    import prepare

    ours, watches = prepare.make_dataloader, []

    def watched(tokenizer: object, B: int, T: int, split: str) -> Watch:
        make = plain_loader if options["loader"] == "plain" else ours
        watches.append(Watch(make(tokenizer, B, T, split), options["profile_at"]))
        return watches[-1]

    prepare.make_dataloader = watched
    source = (HERE / "train.py").read_text()
    if options["settings"] != "ours":
        sys.path.insert(1, str(HERE.parent))
        import published

        source = published.configured(options["settings"], source)
    for change in options["set"]:
        name, _, value = change.partition("=")
        source, count = re.subn(rf"(?m)^(\s*){name} = .*$", rf"\g<1>{name} = {value}", source)
        if not count:
            sys.exit(f"error: train.py has no constant {name}")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "train_measured.py").write_text(source)
        sys.path.insert(0, folder)
        import train_measured

        train_measured.main()
    import torch

    watch = watches[0]
    packer = getattr(watch.loader, "packer", None)
    facts = {
        "batches": watch.calls,
        "loader_host_seconds": round(watch.host_seconds, 4),
        "loader_waited_seconds": round(watch.loader.waited, 4),
        "reserved_mb": round(torch.cuda.max_memory_reserved() / 2**20, 1),
        "cropped_percent": packer and round(100 * packer.cropped / packer.seen, 2),
        "profile": watch.profile,
    }
    print(MARK + json.dumps(facts))


# -----------------------------------------------------------------------------
# In the parent: run, read along, keep


class Bench:
    def __init__(self, out: Path) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.results_path, self.log_path = out / "measure.json", out / "measure.log"
        self.results: dict = {}
        if self.results_path.exists():
            self.results = json.loads(self.results_path.read_text())

    def say(self, text: str) -> None:
        print(text, flush=True)
        with open(self.log_path, "a") as log:
            log.write(text + "\n")

    def keep(self, name: str, result: dict) -> None:
        self.results[name] = result
        self.results_path.write_text(json.dumps(self.results, indent=1))

    def environment(self) -> None:
        code = (
            "import torch, json, os; p = torch.cuda.get_device_properties(0);"
            "print(json.dumps({'gpu': p.name, 'memory_mb': p.total_memory >> 20, 'cores':"
            "os.cpu_count(), 'torch': torch.__version__, 'cuda': torch.version.cuda}))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        if done.returncode:
            self.say(f"no GPU: {done.stderr.strip().splitlines()[-1]}")
            return
        self.keep("environment", json.loads(done.stdout))
        self.say(f"environment: {done.stdout.strip()}")

    def run(
        self, name: str, seconds: float, seed: int = 42, loader: str = "ours",
        settings: str = "baseline", changes: tuple[str, ...] = (), cold: bool = False,
        profile_at: int = 0, limit: float = 570,
    ) -> dict:  # fmt: skip
        """One training run in a process of its own; what it printed, parsed and kept."""
        chosen = {"loader": loader, "settings": settings, "set": list(changes)}
        options = chosen | {"profile_at": profile_at}
        environment = os.environ | {
            "AUTORESEARCH_PROFILE": os.environ.get("AUTORESEARCH_PROFILE") or "h100",
            "AUTORESEARCH_SECONDS": str(seconds),
            "AUTORESEARCH_SEED": str(seed),
            "PYTHONUNBUFFERED": "1",
        }
        empty = tempfile.TemporaryDirectory(prefix="cold-compile-cache-")
        if cold:
            environment["TORCHINDUCTOR_CACHE_DIR"] = empty.name
            environment["TRITON_CACHE_DIR"] = f"{empty.name}/triton"
        about = " ".join((settings, *changes))
        self.say(f"== {name}: {seconds:.0f} s, seed {seed}, {loader} loader, {about}")
        started = time.time()
        process = subprocess.Popen(
            [sys.executable, __file__, "child", json.dumps(options)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment,
        )  # fmt: skip
        killer = threading.Timer(limit, process.kill)
        killer.start()
        reading = Reading(started, self.say)
        while chunk := os.read(process.stdout.fileno(), 1 << 16):
            reading.feed(chunk.decode(errors="replace"))
        process.wait()
        killer.cancel()
        empty.cleanup()
        result = {"rc": process.returncode, "seed": seed, **chosen}
        result |= {"wall_seconds": round(time.time() - started, 1), **reading.result()}
        self.keep(name, result)
        short = {k: v for k, v in result.items() if k not in ("curve", "profile", "summary")}
        self.say(f"-- {name}: {json.dumps(short)}")
        return result


class Reading:
    """Takes a run's output apart: lines, progress, summary, and when each came."""

    def __init__(self, started: float, say: Callable[[str], None]) -> None:
        self.started, self.say = started, say
        self.rest, self.first_step, self.trained_at = "", 0.0, 0.0
        self.steps: list[tuple[int, float, int, int, float]] = []
        self.summary: dict[str, float] = {}
        self.facts: dict = {}

    def feed(self, text: str) -> None:
        *lines, self.rest = re.split(r"[\r\n]", self.rest + text)
        for line in lines:
            self.line(line)

    def line(self, line: str) -> None:
        now = time.time() - self.started
        if match := PROGRESS.match(line):
            step, loss, dt, rate, mfu = match.groups()
            self.steps.append((int(step), float(loss), int(dt), int(rate.replace(",", "")),
                               float(mfu)))  # fmt: skip
            self.first_step = self.first_step or now
            if int(step) <= UNTIMED_STEPS + 2 or int(step) % 50 == 0:
                self.say(f"[{now:6.1f}] {line}")
        elif line.startswith(MARK):
            self.facts = json.loads(line.removeprefix(MARK))
        elif line.strip():
            if line == "---":
                self.trained_at = now
            elif match := re.fullmatch(r"(\w+): +([\d.]+)", line):
                self.summary[match[1]] = float(match[2])
            self.say(f"[{now:6.1f}] {line}" if line == line.strip() else line)

    def result(self) -> dict:
        timed = [s for s in self.steps if s[0] > UNTIMED_STEPS]
        dts = sorted(s[2] for s in timed)
        every = max(len(self.steps) // 60, 1)
        losses = [s[1] for s in self.steps]
        result: dict = {"first_step_at": round(self.first_step, 1), "summary": self.summary}
        result |= {"curve": [[s[0], s[1]] for s in self.steps[::every]], **self.facts}
        if timed:
            result["median_dt_ms"] = dts[len(dts) // 2]
            result["largest_rise_of_smoothed_loss"] = round(
                max((b - a for a, b in itertools.pairwise(losses[20:])), default=0), 4
            )
        if self.summary:
            s = self.summary
            tokens = s["total_tokens_M"] * 1e6 * len(timed) / s["num_steps"]
            result["tokens_per_second"] = round(tokens / max(s["training_seconds"], 1e-9))
            result["outside_seconds"] = round(time.time() - self.started - s["training_seconds"], 1)
            result["evaluation_seconds"] = round(
                self.trained_at - s["training_seconds"] - self.first_step, 1
            )
        return result


# -----------------------------------------------------------------------------


def table(paths: list[str]) -> None:
    """Figures of several measure.json files as a Markdown table."""
    print("| run | bpb | MFU % | tokens/s | peak MB | outside s | GPU busy % | loader waited s |")
    print("|---|---|---|---|---|---|---|---|")
    for path in paths:
        for name, run in json.loads(Path(path).read_text()).items():
            if not run.get("summary"):
                continue
            s = run["summary"]
            print(
                f"| {name} | {s['val_bpb']:.6f} | {s['mfu_percent']:.2f} "
                f"| {run['tokens_per_second']:,} | {s['peak_vram_mb']:,.0f} "
                f"| {run['outside_seconds']} | {run['profile'].get('gpu_busy_percent', '')} "
                f"| {run['loader_waited_seconds']} |"
            )


def main() -> None:
    if sys.argv[1:2] == ["child"]:
        return child(json.loads(sys.argv[2]))
    if sys.argv[1:2] == ["table"]:
        return table(sys.argv[2:])
    parser = argparse.ArgumentParser(description="Measure the h100 profile on this machine.")
    parser.add_argument("what", choices=["smoke", "compare", "full"])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="")
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--loader", choices=["ours", "plain"], default="ours")
    parser.add_argument(
        "--settings", choices=["baseline", "author", "fork", "swarm", "ours"], default="baseline"
    )
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--limit", type=float, default=570, help="kill a run after so many seconds")
    a = parser.parse_args()
    bench = Bench(a.out)
    bench.environment()

    def run(
        name: str, seconds: float, loader: str, profile_at: int = 0, limit: float = a.limit
    ) -> None:
        bench.run(
            name, a.seconds or seconds, a.seed, loader=loader, settings=a.settings,
            changes=tuple(a.set), cold=a.cold, profile_at=profile_at, limit=limit,
        )  # fmt: skip

    name = a.name or a.what
    if a.what == "smoke":  # two batches a step: the profile starts after the untimed steps
        run(name, 8, a.loader, 2 * UNTIMED_STEPS + 5)
    elif a.what == "compare":
        for loader in ("ours", "plain"):
            run(f"{name}_{loader}", 30, loader, limit=a.limit / 2)
    else:
        run(name, 300, a.loader, 2 * UNTIMED_STEPS + 45 if a.profile else 0)
    table([str(bench.results_path)])
    sys.exit(max(run.get("rc", 0) != 0 for run in bench.results.values()))


if __name__ == "__main__":
    main()
