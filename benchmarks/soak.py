"""Many visitors at once, two of them hostile: what goes wrong, how long the others wait, memory.

    python benchmarks/soak.py                              # 20 visitors, ten minutes
    python benchmarks/soak.py --visitors 6 --seconds 20    # the short form

It starts app.py and speaks HTTP to it from as many addresses. A friendly visitor paints, reads
back, segments, measures and orders small data sets, with a pause between; the same question must
get the same answer every time, whoever asks. The hostile ones order more data sets than they may,
cancel, hang up, cut uploads off and send pictures of 30 megapixels and what is no picture. An
honest "busy" is an answer; anything else that fails is counted, and the exit code is 1. Resident
memory is that of the server without its workers (Linux). Times hold for the machine and what else
it did: say both.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import itertools
import json
import os
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Lock, Thread

import httpx
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20
QUICK = ("synthesize", "layout", "segment")
PAUSE_SECONDS = 8.0
# What /segment is asked beside the file: nm per pixel, model, diameter, show_anyway.
AS_READ, AT_2_NM, AT_1000_NM = ((nm, None, None, False) for nm in (None, 2.0, 1000.0))


class Findings:
    """What the visitors met, written down by their threads."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self._answers: dict[str, str] = {}
        self._lock = Lock()

    def answered(self, kind: str, seconds: float, question: str, answer: str) -> None:
        with self._lock:
            self.seconds[kind].append(seconds)
            if self._answers.setdefault(question, answer) != answer:
                self.faults.append(f"another answer to {question}")

    def count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    def fault(self, words: str) -> None:
        with self._lock:
            self.faults.append(words)


class Visitor:
    """One address and one session."""

    def __init__(self, url: str, number: int, findings: Findings, ended: Event):
        self.session, self.findings, self.ended = f"visitor{number}", findings, ended
        self.draws = random.Random(number)
        headers = {"x-forwarded-for": f"198.51.100.{number}"}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=300)
        dependencies = self.http.get("/config").json()["dependencies"]
        self.ids = {one["api_name"]: one["id"] for one in dependencies}

    def upload(self, content: bytes, name: str) -> dict:
        files = {"files": (name, content)}
        path = self.http.post("/gradio_api/upload", files=files).json()[0]
        return {"path": path, "meta": {"_type": "gradio.FileData"}, "orig_name": name}

    def join(self, kind: str, *data: object) -> str | None:
        """Return the event of a question, None where the server is busy."""
        body = {"data": data, "fn_index": self.ids[kind], "session_hash": self.session}
        answer = self.http.post("/gradio_api/queue/join", json=body)
        if answer.status_code == 503:
            self.findings.count("busy")
            return None
        answer.raise_for_status()
        return answer.json()["event_id"]

    def hear(self, event: str) -> dict:
        path = f"/gradio_api/queue/data?session_hash={self.session}"
        with self.http.stream("GET", path) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    said = json.loads(line[6:])
                    if said["msg"] == "process_completed" and said["event_id"] == event:
                        return said
        raise ConnectionError("the line was hung up")

    def ask(self, kind: str, question: str, *data: object) -> None:
        begun = time.monotonic()
        event = self.join(kind, *data)
        if event is None:
            return
        said = self.hear(event)
        if not said["success"] and self.ended.is_set():
            return
        if not said["success"]:
            self.findings.fault(f"{kind}: {str(said['output'])[:200]}")
            return
        files = re.findall(r"'url': '([^']*)'", str(said["output"]["data"]))
        contents = [self.http.get(url).content for url in files]
        if kind == "measure":  # the zip holds spreadsheets, which tell the time of day
            contents = [json.dumps(said["output"]["data"][1]).encode()]
        whole = hashlib.sha256(b"".join(contents)).hexdigest()
        self.findings.answered(kind, time.monotonic() - begun, f"{kind} {question}", whole)


def picture(number: int, height: int = 256, width: int = 384) -> np.ndarray:
    """Draw bright discs on a dark, noisy ground, uint8 [H, W]."""
    rng = np.random.default_rng(number)
    image = rng.normal(70, 12, (height, width))
    rows, columns = np.mgrid[:height, :width]
    for y, x, r in zip(
        *(rng.uniform(0, side, 12) for side in (height, width)), rng.uniform(9, 20, 12), strict=True
    ):
        image[(rows - y) ** 2 + (columns - x) ** 2 < r * r] += 90
    return image.clip(0, 255).astype(np.uint8)


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def friendly(visitor: Visitor, ended: Event) -> None:
    """Work as people do: mostly what is quick, now and then something longer."""
    while not ended.wait(visitor.draws.uniform(0, 2 * PAUSE_SECONDS)):
        number = visitor.draws.randrange(4)
        name = f"p{number}.png"
        match visitor.draws.choices(
            ("synthesize", "layout", "segment", "measure", "dataset"), (6, 3, 3, 1, 1)
        )[0]:
            case "synthesize":
                mask = visitor.upload(png((picture(number) > 120) * np.uint8(255)), name)
                visitor.ask("synthesize", name, mask, number)
            case "layout":
                visitor.ask("layout", name, "Agglomerates", number)
            case "segment":
                visitor.ask("segment", name, visitor.upload(png(picture(number)), name), *AT_2_NM)
            case "measure":
                files = [visitor.upload(png(picture(k)), f"p{k}.png") for k in range(3)]
                visitor.ask("measure", "three", files, {"nm_per_px": 2.0})
            case "dataset":
                visitor.ask("dataset", f"{number}", {"n": 2, "seed": number}, None)


def greedy(visitor: Visitor, ended: Event) -> None:
    """Order, cancel, hang up, and order again."""
    while not ended.wait(1):
        for _ in range(33):
            visitor.join("dataset", {"n": 200, "seed": visitor.draws.randrange(10**6)}, None)
        event = visitor.join("segment", visitor.upload(png(picture(9)), "p9.png"), *AT_1000_NM)
        if event:
            ask = {"event_id": event, "session_hash": visitor.session}
            ask["fn_index"] = visitor.ids["segment"]
            visitor.http.post("/gradio_api/cancel", json=ask)


def heavy(visitor: Visitor, ended: Event) -> None:
    """Send pictures of 30 megapixels, what is no picture, and uploads that are cut off."""
    large = png(np.tile(picture(8, 512, 512), (10, 12))[:5000, :6000])
    for turn in itertools.count():
        if ended.wait(2):
            return
        content = large if turn % 3 == 0 else random.Random(turn).randbytes(20_000)
        event = visitor.join("segment", visitor.upload(content, "large.png"), *AS_READ)
        if event:
            visitor.hear(event)
        url = visitor.http.base_url
        with socket.create_connection((url.host, url.port)) as line:
            head = "POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n"
            kind = "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
            part = 'Content-Disposition: form-data; name="files"; filename="a.tif"\r\n\r\n'
            line.sendall((head + kind + part).encode() + bytes(10**6))


def attend(work, visitor: Visitor, ended: Event) -> None:
    """Run a visitor's work; what it raises is a fault."""
    while not ended.is_set():
        try:
            work(visitor, ended)
        except Exception as error:
            if not ended.is_set():  # by then the server may have been stopped
                visitor.findings.fault(f"{work.__name__}: {type(error).__name__}: {error}")


def resident(pid: int, ended: Event, found: list[tuple[float, float]]) -> None:
    """Write down (seconds, MB of resident memory) every second."""
    begun = time.monotonic()
    while not ended.wait(1):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        found.append((time.monotonic() - begun, pages * PAGE_MB))


def serve(bundle: str | None, folder: Path) -> Iterator[tuple[str, int]]:
    """Start app.py and yield its address and process; stop it afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(ROOT / "app.py"), "--port", str(port)]
    command += ["--bundle", bundle] if bundle else []
    environment = os.environ | {"TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
    begun = time.monotonic()
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        assert process.stdout
        url = next(m[1] for line in process.stdout if (m := re.search(r"is at (http\S+)", line)))
        httpx.get(url, timeout=60).raise_for_status()
        print(f"first page after {time.monotonic() - begun:.1f} s")
        yield url, process.pid
        process.send_signal(signal.SIGTERM)
        process.communicate()


def report(findings: Findings, memory: list[tuple[float, float]], log: str) -> int:
    for kind, seconds in sorted(findings.seconds.items()):
        last = statistics.quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
        print(f"{kind:12} n = {len(seconds):4}, median {statistics.median(seconds):6.2f} s", end="")
        print(f", 95th percentile {last:6.2f} s, longest {max(seconds):6.2f} s")
    quick = [x for kind in QUICK for x in findings.seconds[kind]]
    if len(quick) > 1:
        print(f"quick work: 95th percentile {statistics.quantiles(quick, n=20)[-1]:.2f} s")
    half, end = memory[-1][0] / 2, memory[-1][1]
    middle = [mb for at, mb in memory if half <= at < 1.5 * half]
    late = [mb for at, mb in memory if at >= 1.5 * half]
    print(f"resident: peak {max(mb for _, mb in memory):.0f} MB, at the end {end:.0f} MB", end="")
    print(f"; third quarter {statistics.mean(middle):.0f} MB, last {statistics.mean(late):.0f} MB")
    print(f"busy: {findings.counts['busy']}; faults: {len(findings.faults)}")
    for words, number in Counter(findings.faults).most_common(10):
        print(f"  {number} x {words}")
    if "Traceback" in log:
        print(log[log.index("Traceback") :][:3000])
    return int(bool(findings.faults) or "Traceback" in log)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=20, help="two of them are hostile")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--bundle", help="default: those that ship")
    args = parser.parse_args()
    findings, ended, memory = Findings(), Event(), []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        for url, pid in serve(args.bundle, Path(place)):
            kinds = [greedy, heavy, *[friendly] * (args.visitors - 2)]
            visitors = [Visitor(url, n, findings, ended) for n in range(1, args.visitors + 1)]
            given = zip(kinds, visitors, strict=True)
            threads = [Thread(target=attend, args=(kind, who, ended)) for kind, who in given]
            threads.append(Thread(target=resident, args=(pid, ended, memory)))
            for thread in threads:
                thread.daemon = True
                thread.start()
            time.sleep(args.seconds)
            ended.set()
            for thread in threads[2:]:
                thread.join(120)
            log = Path(
                place, "log"
            ).read_text()  # before the stop, which may catch a worker's start
        left = [path for path in Path(place).iterdir() if path.name != "log"]
    print(f"left on the disk: {len(left)} files or folders")
    return report(findings, memory, log) or int(bool(left))


if __name__ == "__main__":
    sys.exit(main())
