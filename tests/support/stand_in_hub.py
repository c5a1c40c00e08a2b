"""A small Hub on the loopback interface: what the real client asks for, over real HTTP.

It keeps repositories in memory, knows one token, and can be told to fail: `fault` is asked with
(method, path) of each request and returns a status, "stall", "cut" or None.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
import yaml
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from tests.support.serving import free_port

TOKEN, OWNER = "hf_good", "lab"
LFS = (".pt", ".pt2", ".onnx", ".safetensors", ".png")
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


@dataclass
class Repo:
    """Commits are (id, {path: content}), the last one is main."""

    private: bool = False
    commits: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)  # beside main
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[-1][1]

    def commit(self, files: dict[str, bytes]) -> str:
        text = repr((len(self.commits), sorted(files), sorted(map(digest, files.values()))))
        self.commits.append((hashlib.sha1(text.encode()).hexdigest(), files))
        return self.commits[-1][0]

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        name = (self.branches | self.tags).get(revision, revision)
        found = [c for c in self.commits if c[0] == name]
        return self.commits[-1] if revision == "main" else found[0] if found else None


@dataclass
class Hub:
    url: str
    repos: dict[tuple[str, str], Repo] = field(default_factory=dict)
    store: dict[str, bytes] = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)
    fault: Callable[[str, str], int | str | None] = lambda method, path: None

    def model(self, name: str) -> Repo:
        return self.repos["models", name]

    def sent(self) -> list[tuple[str, str]]:
        """What changed the Hub, or tried to."""
        ask = ("/api/validate-yaml", "/preupload/", "/objects/batch")
        return [
            (m, p) for m, p in self.seen if m in ("POST", "PUT") and not any(a in p for a in ask)
        ]


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def error(status: int, code: str = "", message: str = "") -> Response:
    headers = {"X-Error-Code": code} if code else {}
    return JSONResponse({"error": message}, status, headers | {"X-Error-Message": message})


def card_faults(kind: str, content: str) -> list[str]:
    """What the Hub would say against a card's front matter, as far as its documentation tells."""
    block = re.match(r"---\n(.*?)\n---\n", content, re.DOTALL)
    if not block:
        return ["no front matter"]
    data = yaml.safe_load(block[1])
    if kind == "space":
        missing = {"title", "sdk", "sdk_version", "app_file"} - data.keys()
        faults = [f"no {key}" for key in missing]
        faults += [k for k in ("colorFrom", "colorTo") if data.get(k, "red") not in COLOURS]
        return faults + ["short_description"] * (len(data.get("short_description", "")) > 60)
    faults = [] if data.get("license") else ["no license"]
    for result in (r for model in data.get("model-index", []) for r in model["results"]):
        if not result["task"]["type"] or {"name", "type"} - result["dataset"].keys():
            faults.append("model-index: task or dataset")
        metrics = result["metrics"]
        faults += [m["type"] for m in metrics if not isinstance(m["value"], int | float)]
    return faults


def make_app(hub: Hub) -> FastAPI:
    app = FastAPI()

    def repo_of(kind: str, repo_id: str) -> Repo | None:
        return hub.repos.get((kind, repo_id))

    @app.middleware("http")
    async def guard(request: Request, call_next):
        method, path = request.method, request.url.path
        hub.seen.append((method, path))
        fault = hub.fault(method, path)
        if fault == "stall":
            await asyncio.sleep(5)
        if fault == "cut":
            return StreamingResponse(iter([b"{"]), headers={"Content-Length": "100"})
        if isinstance(fault, int):
            return error(fault, message="told to fail")
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token and token != TOKEN:
            return error(401, message="Invalid credentials in Authorization header")
        open_to_all = method in ("GET", "HEAD") or path == "/api/validate-yaml"
        open_to_all = open_to_all or path.startswith("/lfs/")  # signed addresses
        if not token and not open_to_all:
            return error(401, message="Invalid username or password.")
        return await call_next(request)

    @app.get("/api/whoami-v2")
    def whoami():
        return {"type": "user", "name": OWNER, "orgs": []}

    @app.post("/api/validate-yaml")
    async def validate(request: Request):
        body = await request.json()
        faults = card_faults(body["repoType"], body["content"])
        errors = [{"message": fault} for fault in faults]
        return JSONResponse({"errors": errors, "warnings": []}, 400 if faults else 200)

    @app.post("/api/repos/create")
    async def create(request: Request):
        body = await request.json()
        kind, repo_id = f"{body.get('type', 'model')}s", f"{body['organization']}/{body['name']}"
        if body["organization"] != OWNER:
            return error(403, message="You don't have the rights to create this repository")
        url = {"url": f"{hub.url}/{'spaces/' * (kind == 'spaces')}{repo_id}"}
        if (kind, repo_id) in hub.repos:
            return JSONResponse(url, 409)
        repo = hub.repos[kind, repo_id] = Repo(body.get("visibility") == "private")
        repo.commit({".gitattributes": b"*.pt filter=lfs\n"})
        return url

    @app.post("/api/{kind}/{owner}/{name}/preupload/{rev}")
    async def preupload(kind: str, owner: str, name: str, request: Request):
        repo = repo_of(kind, f"{owner}/{name}")
        if owner != OWNER:
            return error(403, message="Forbidden")
        answers = []
        for file in (await request.json())["files"]:
            mode = "lfs" if file["path"].endswith(LFS) else "regular"
            old = repo.files.get(file["path"])
            oid = None if old is None else (digest if mode == "lfs" else blob_id)(old)
            answers.append(
                {"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid}
            )
        return {"files": answers}

    @app.post("/{repo_id:path}.git/info/lfs/objects/batch")
    async def batch(repo_id: str, request: Request):
        objects = []
        for item in (await request.json())["objects"]:
            href = {"href": f"{hub.url}/lfs/{item['oid']}"}
            actions = {} if item["oid"] in hub.store else {"actions": {"upload": href}}
            objects.append({"oid": item["oid"], "size": item["size"]} | actions)
        return {"transfer": "basic", "objects": objects}

    @app.put("/lfs/{oid}")
    async def put(oid: str, request: Request):
        content = await request.body()
        if digest(content) != oid:
            return error(400, message="not the announced content")
        hub.store[oid] = content
        return {}

    @app.post("/api/{kind}/{owner}/{name}/commit/{rev}")
    async def commit(kind: str, owner: str, name: str, request: Request):
        repo = repo_of(kind, f"{owner}/{name}")
        files = dict(repo.files)
        for line in (await request.body()).splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                files[value["path"]] = hub.store[value["oid"]]
            elif item["key"] == "deletedFile":
                del files[value["path"]]
        oid = repo.commit(files)
        return {"commitUrl": f"{hub.url}/{owner}/{name}/commit/{oid}", "commitOid": oid}

    @app.get("/api/{kind}/{owner}/{name}")
    @app.get("/api/{kind}/{owner}/{name}/revision/{rev}")
    def info(kind: str, owner: str, name: str, rev: str = "main"):
        if not (repo := repo_of(kind, f"{owner}/{name}")):
            return error(404, "RepoNotFound")
        if not (found := repo.at(rev)):
            return error(404, "RevisionNotFound")
        return {"id": f"{owner}/{name}", "sha": found[0], "private": repo.private, "siblings": []}

    @app.get("/api/{kind}/{owner}/{name}/refs")
    def refs(kind: str, owner: str, name: str):
        if not (repo := repo_of(kind, f"{owner}/{name}")):
            return error(404, "RepoNotFound")
        heads = {"main": repo.commits[-1][0]} | repo.branches

        def listing(kind: str, refs: dict[str, str]) -> list[dict]:
            entries = [(name, f"refs/{kind}/{name}", commit) for name, commit in refs.items()]
            return [dict(zip(("name", "ref", "targetCommit"), e, strict=True)) for e in entries]

        return {
            "branches": listing("heads", heads),
            "tags": listing("tags", repo.tags),
            "converts": [],
        }

    @app.get("/api/{kind}/{owner}/{name}/tree/{rev}")
    def tree(kind: str, owner: str, name: str, rev: str):
        if not (repo := repo_of(kind, f"{owner}/{name}")):
            return error(404, "RepoNotFound")
        if not (found := repo.at(rev)):
            return error(404, "RevisionNotFound")
        return [
            {"type": "file", "path": path, "size": len(content), "oid": blob_id(content)}
            | ({"lfs": lfs_entry(content)} if path.endswith(LFS) else {})
            for path, content in found[1].items()
        ]

    def lfs_entry(content: bytes) -> dict:
        return {"oid": digest(content), "size": len(content), "pointerSize": 130}

    @app.api_route("/{owner}/{name}/resolve/{rev}/{path:path}", methods=["GET", "HEAD"])
    def resolve(owner: str, name: str, rev: str, path: str, request: Request):
        if not (repo := repo_of("models", f"{owner}/{name}")):
            return error(404, "RepoNotFound")
        if not (found := repo.at(rev)):
            return error(404, "RevisionNotFound")
        if (content := found[1].get(path)) is None:
            return error(404, "EntryNotFound")
        etag = digest(content) if path.endswith(LFS) else blob_id(content)
        headers = {"X-Repo-Commit": found[0], "ETag": f'"{etag}"'}
        if request.method == "HEAD":
            return Response(headers=headers | {"Content-Length": str(len(content))})
        return Response(content, headers=headers, media_type="application/octet-stream")

    @app.post("/api/{kind}/{owner}/{name}/tag/{rev}")
    async def tag(kind: str, owner: str, name: str, rev: str, request: Request):
        repo, label = repo_of(kind, f"{owner}/{name}"), (await request.json())["tag"]
        if label in repo.tags:
            return error(409, message="Tag reference exists already")
        repo.tags[label] = rev
        return {}

    @app.post("/api/spaces/{owner}/{name}/variables")
    async def variables(owner: str, name: str, request: Request):
        body, repo = await request.json(), repo_of("spaces", f"{owner}/{name}")
        repo.variables[body["key"]] = body["value"]
        return {key: {"value": value} for key, value in repo.variables.items()}

    return app


@contextmanager
def stand_in_hub() -> Iterator[Hub]:
    """Serve an empty Hub from a thread until the block ends."""
    port = free_port()
    hub = Hub(f"http://127.0.0.1:{port}")
    config = uvicorn.Config(make_app(hub), port=port, log_level="critical")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the stand-in Hub did not start"
        time.sleep(0.02)
    try:
        yield hub
    finally:
        server.should_exit = True
        thread.join(10)
