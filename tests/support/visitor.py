"""A visitor of the demo who speaks HTTP, and may be rude."""

from __future__ import annotations

import json
from pathlib import Path

import httpx


class Visitor:
    """A program at an address of its own that talks to the server without a client library."""

    def __init__(self, url: str, address: str, session: str):
        headers = {"x-forwarded-for": address}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=120)
        self.session = session
        self._asked: list[dict] = []
        dependencies = self.http.get("/config").json()["dependencies"]
        self.ids = {one["api_name"]: one["id"] for one in dependencies}

    def ask(self, name: str, *data: object) -> httpx.Response:
        body = {"data": data, "fn_index": self.ids[name], "session_hash": self.session}
        answer = self.http.post("/gradio_api/queue/join", json=body)
        if answer.is_success:
            event = {"event_id": answer.json()["event_id"], "fn_index": self.ids[name]}
            self._asked.append(event | {"session_hash": self.session})
        return answer

    def cancel(self) -> None:
        for event in self._asked:
            assert self.http.post("/gradio_api/cancel", json=event).json()["success"]

    def stop(self) -> None:
        """Press a Stop button, whether or not what it stops has an id that is known."""
        body = {"data": [], "session_hash": self.session}
        assert self.http.post("/gradio_api/run/stop", json=body).is_success

    def upload(self, path: Path) -> dict:
        with path.open("rb") as file:
            answer = self.http.post("/gradio_api/upload", files={"files": file}).json()
        return {"path": answer[0], "meta": {"_type": "gradio.FileData"}}

    def listen(self) -> None:
        """Open the line on which the server speaks to this session."""
        path = f"/gradio_api/queue/data?session_hash={self.session}"
        self._line = self.http.send(self.http.build_request("GET", path), stream=True)

    def hang_up(self) -> None:
        self._line.close()

    def wait(self, until: str = "process_completed") -> dict:
        """Return the first such message."""
        self.listen()
        said = (json.loads(x[6:]) for x in self._line.iter_lines() if x.startswith("data: "))
        return next(message for message in said if message["msg"] == until)
