# SPDX-License-Identifier: Apache-2.0
"""A client for Safe Code Executor: runs Python that nobody trusts on a server of yours, and gives back what it printed, returned and drew.

    import safexec
    result = safexec.Client().run("print(2 + 2)")
    print(result.stdout, result.verdict)

One file, standard library only, Python 3.8 and newer. In a notebook a result shows what it printed and its figures.
"""
from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import html
import http.client
import json
import os
import socket
import time
import urllib.parse
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

__all__ = ["Client", "Result", "Display", "File", "ProgramError", "Frame", "CaseResult", "CasesResult", "Event", "Job", "Problem", "ConnectionFailed",
           "read_callback"]
__version__ = "0.1.0"

DEFAULT_URL = "http://127.0.0.1:5000"
NDJSON = "application/x-ndjson"
RETRY_S = 5.0  # the longest pause that a server can ask for between two attempts

Content = Union[str, bytes]
Json = Dict[str, Any]


class Problem(Exception):
    """The server refused a request, or failed. `code` is one of a fixed list, `retryable` is never_ran, may_have_run or no."""

    def __init__(self, body: Mapping[str, Any], retry_after: Optional[float] = None) -> None:
        self.code = str(body.get("code", "unknown"))
        self.status = int(body.get("status", 0))
        self.detail = str(body.get("detail", ""))
        self.retryable = str(body.get("retryable", "no"))
        self.request_id: Optional[str] = body.get("request_id")
        self.field: Optional[str] = body.get("field")
        self.retry_after = retry_after
        super().__init__(self.detail or self.code)


class ConnectionFailed(Exception):
    """There is no server, or it broke off in the middle of an answer."""


@dataclasses.dataclass(frozen=True)
class Frame:
    file: str
    line: int
    function: Optional[str]
    source: Optional[str]


@dataclasses.dataclass(frozen=True)
class ProgramError:
    """The exception that ended a program."""

    type: str
    message: str
    traceback: List[Frame]

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


@dataclasses.dataclass(frozen=True)
class File:
    """A file that came back. data is None when all files together were too many bytes."""

    path: str
    size: int
    data: Optional[bytes]

    @property
    def text(self) -> Optional[str]:
        return None if self.data is None else self.data.decode("utf-8", "replace")


def _is_text(kind: str) -> bool:
    return kind.startswith("text/") or kind in ("application/json", "application/javascript", "image/svg+xml")


@dataclasses.dataclass(frozen=True)
class Display:
    """One thing to look at, in several forms. What a stranger's program made is shown so that it cannot act in your notebook: pictures as
    pictures, HTML in a frame without scripts."""

    forms: Dict[str, Content]  # MIME type to text or bytes

    @property
    def png(self) -> Optional[bytes]:
        found = self.forms.get("image/png")
        return found if isinstance(found, bytes) else None

    @property
    def text(self) -> Optional[str]:
        found = self.forms.get("text/plain")
        return found if isinstance(found, str) else None

    def save(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """Writes the picture, or else the text, to a file."""
        for kind in ("image/png", "image/jpeg", "image/gif", "image/svg+xml", "text/html", "text/plain"):
            content = self.forms.get(kind)
            if content is not None:
                with open(path, "wb") as file:
                    file.write(content.encode() if isinstance(content, str) else content)
                return
        raise ValueError("this display has no form that can be saved")

    def _repr_png_(self) -> Optional[bytes]:
        return self.png

    def _repr_html_(self) -> str:
        for kind in ("image/png", "image/jpeg", "image/gif", "image/svg+xml"):
            content = self.forms.get(kind)
            if content is not None:
                data = base64.b64encode(content.encode() if isinstance(content, str) else content).decode()
                return f'<img src="data:{kind};base64,{data}">'
        page = self.forms.get("text/html")
        if isinstance(page, str):
            return f'<iframe sandbox="" style="width: 100%; height: 20em; border: 0" srcdoc="{html.escape(page)}"></iframe>'
        return f"<pre>{html.escape(self.text or '')}</pre>"

    def __repr__(self) -> str:
        return self.text or f"<Display {', '.join(self.forms)}>"


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of a run. `raw` is the server's whole answer."""

    id: str
    verdict: str  # ok, error, signal, timeout, cpu_timeout, memory, pids, output, disk
    message: str
    exit_code: Optional[int]
    signal: Optional[int]
    stdout: str
    stderr: str
    output: str  # both, in the order of their arrival
    error: Optional[ProgramError]
    value: Optional[str]  # of the last expression, as repr() has it
    displays: List[Display]
    files: Dict[str, File]
    refused_calls: Dict[str, int]  # what the sandbox refused of the kernel's calls, and how often
    usage: Dict[str, Any]
    timings: Dict[str, Any]
    isolation: Dict[str, Any]
    raw: Json

    @property
    def ok(self) -> bool:
        return self.verdict == "ok"

    def check(self) -> "Result":
        """Itself when it went well, else RuntimeError with the reason."""
        if not self.ok:
            raise RuntimeError(str(self.error) if self.error else self.message)
        return self

    def _repr_html_(self) -> str:
        parts = [f"<pre>{html.escape(self.output)}</pre>"] if self.output else []
        parts += [display._repr_html_() for display in self.displays]
        if self.value is not None and not self.displays:
            parts.append(f"<pre>{html.escape(self.value)}</pre>")
        if not self.ok:
            parts.append(f"<p><b>{html.escape(self.verdict)}</b>: {html.escape(self.message)}</p>")
        return "".join(parts)

    def __repr__(self) -> str:
        return f"<Result {self.verdict}: {self.output[:60]!r}>"


@dataclasses.dataclass(frozen=True)
class CaseResult:
    name: Optional[str]
    passed: bool
    different_line: Optional[int]
    result: Result


@dataclasses.dataclass(frozen=True)
class CasesResult:
    id: str
    passed: int
    failed: int
    cases: List[CaseResult]


@dataclasses.dataclass(frozen=True)
class Event:
    """Something that happened in a run: kind is start, stdout, stderr, display, case, verdict."""

    kind: str
    text: str  # of stdout and stderr
    display: Optional[Display]
    result: Optional[Result]  # of verdict: without what was told before
    raw: Json


@dataclasses.dataclass(frozen=True)
class Job:
    id: str
    state: str  # queued, started, done, canceled
    result: Optional[Result]
    cases: Optional[CasesResult]  # in the place of result, when it was submitted with cases
    problem: Optional[Problem]
    raw: Json

    @property
    def is_over(self) -> bool:
        return self.state in ("done", "canceled")


def _display(forms: Mapping[str, str]) -> Display:
    return Display({kind: text if _is_text(kind) else base64.b64decode(text) for kind, text in forms.items()})


def _file(raw: Json) -> File:
    content = raw["content"]
    data = None if content is None else base64.b64decode(content) if raw["encoding"] == "base64" else content.encode()
    return File(raw["path"], raw["size"], data)


def _error(raw: Optional[Json]) -> Optional[ProgramError]:
    if raw is None:
        return None
    return ProgramError(raw["type"], raw["message"], [Frame(f["file"], f["line"], f["function"], f["source"]) for f in raw["traceback"]])


def _result(raw: Json) -> Result:
    return Result(
        id=raw["id"], verdict=raw["verdict"], message=raw["message"], exit_code=raw["exit_code"], signal=raw["signal"], stdout=raw.get("stdout", ""),
        stderr=raw.get("stderr", ""), output=raw.get("output", ""), error=_error(raw["error"]), value=raw.get("result"),
        displays=[_display(one) for one in raw.get("displays", [])], files={one["path"]: _file(one) for one in raw.get("files", [])},
        refused_calls={row["call"]: row["count"] for row in raw.get("refused_calls", [])}, usage=raw["usage"], timings=raw["timings"], isolation=raw["isolation"], raw=raw)


def _case(raw: Json) -> CaseResult:
    return CaseResult(raw["name"], raw["passed"], raw["different_line"], _result(raw))


def _event(raw: Json) -> Event:
    kind = raw["event"]
    if kind == "problem":
        raise Problem(raw)
    display = _display(raw["display"]) if kind == "display" else None
    result = _result(raw) if kind == "case" or (kind == "verdict" and "verdict" in raw) else None
    return Event(kind, raw.get("data", ""), display, result, raw)


def _cases(raw: Json) -> CasesResult:
    return CasesResult(raw["id"], raw["passed"], raw["failed"], [_case(one) for one in raw["cases"]])


def _job(raw: Json) -> Job:
    result, problem = raw.get("result"), raw.get("problem")
    cases = result if result and "cases" in result else None
    return Job(raw["id"], raw["state"], _result(result) if result and not cases else None, _cases(cases) if cases else None,
               Problem(problem) if problem else None, raw)


def read_callback(secret: str, signature: str, body: bytes, within_s: float = 300.0) -> Job:
    """What a callback tells, for whoever receives it. secret: as `safexec keys callback-secret` prints it; signature: the header
    Safexec-Signature; ValueError when it is not the server's, or older than within_s. Where raw["is_whole"] is false the result is to be
    asked for: Client.job(id)."""
    parts = dict(part.split("=", 1) for part in signature.split(",") if "=" in part)
    stamp = parts.get("t", "")
    wanted = hmac.new(bytes.fromhex(secret), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    if not stamp.isdigit() or not hmac.compare_digest(wanted.encode(), parts.get("v1", "").encode()):
        raise ValueError("the signature is not the server's")
    if abs(time.time() - int(stamp)) > within_s:
        raise ValueError("the callback is too old")
    return _job(json.loads(body))


def _sent_file(path: str, content: Content) -> Json:
    if isinstance(content, bytes):
        return {"path": path, "content": base64.b64encode(content).decode(), "encoding": "base64"}
    return {"path": path, "content": content}


def _body(code: Optional[str], files: Optional[Mapping[str, Content]], options: Mapping[str, Any]) -> Json:
    """The request: what is None is left to the server."""
    body: Json = {key: value for key, value in options.items() if value is not None}
    if code is not None:
        body["code"] = code
    if files:
        body["files"] = [_sent_file(path, content) for path, content in files.items()]
    return body


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Client:
    """A server: its URL (SAFEXEC_URL, else http://127.0.0.1:5000; unix:/PATH too) and an API key (SAFEXEC_KEY) where one is needed.

    timeout is how long the server may be silent. A request of which the server says that nothing ran is sent again, `retries` times, after
    the pause that it asks for. Each call has a connection of its own; a client can be used by many threads."""

    def __init__(self, url: Optional[str] = None, key: Optional[str] = None, timeout: float = 120.0, retries: int = 2) -> None:
        self.url = (url or os.environ.get("SAFEXEC_URL") or DEFAULT_URL).rstrip("/")
        self._key = key or os.environ.get("SAFEXEC_KEY")
        self.timeout = timeout
        self.retries = retries

    # --- runs ---

    def run(self, code: Optional[str] = None, *, files: Optional[Mapping[str, Content]] = None, entrypoint: Optional[str] = None,
            stdin: Optional[str] = None, args: Optional[Sequence[str]] = None, env: Optional[Mapping[str, str]] = None,
            environment: Optional[str] = None, provider: Optional[str] = None, read_only: Optional[bool] = None,
            limits: Optional[Mapping[str, float]] = None, outputs: Optional[Sequence[str]] = None, last_value: Optional[bool] = None,
            displays: Optional[bool] = None, priority: Optional[int] = None, deadline_ms: Optional[int] = None) -> Result:
        """Runs a program and waits for its end. A program that fails is a result too; only a request that cannot be served raises Problem."""
        return _result(self._ask("POST", "/v1/runs", _body(code, files, dict(
            entrypoint=entrypoint, stdin=stdin, args=args, env=env, environment=environment, provider=provider, read_only=read_only, limits=limits,
            outputs=outputs, last_value=last_value, displays=displays, priority=priority, deadline_ms=deadline_ms))))

    def stream(self, code: Optional[str] = None, *, files: Optional[Mapping[str, Content]] = None, **options: Any) -> Iterator[Event]:
        """The same as it happens, with the options of run. Leaving the loop early ends the run."""
        connection, response = self._send("POST", "/v1/runs", _body(code, files, options), NDJSON)
        try:
            has_ended = False
            for line in self._lines(response):
                event = json.loads(line)
                if event["event"] != "heartbeat":
                    has_ended = event["event"] == "verdict"
                    yield _event(event)
            if not has_ended:
                raise ConnectionFailed("the server broke off")
        finally:
            connection.close()

    def cases(self, code: Optional[str] = None, cases: Sequence[Mapping[str, Any]] = (), *, files: Optional[Mapping[str, Content]] = None,
              **options: Any) -> CasesResult:
        """One program against many inputs: each case is {name, stdin, expected, compare: exact | lines | numbers, tolerance}."""
        return _cases(self._ask("POST", "/v1/runs", _body(code, files, {**options, "cases": list(cases)})))

    def check(self, code: Optional[str] = None, *, files: Optional[Mapping[str, Content]] = None, **options: Any) -> Optional[ProgramError]:
        """None when the program compiles, else the SyntaxError. Nothing runs."""
        raw = self._ask("POST", "/v1/check", _body(code, files, options))
        return None if raw["valid"] else _error(raw["error"]) or ProgramError(raw["verdict"], raw["message"], [])

    # --- jobs ---

    def submit(self, code: Optional[str] = None, *, files: Optional[Mapping[str, Content]] = None, callback_url: Optional[str] = None,
               idempotency_key: Optional[str] = None, **options: Any) -> str:
        """Hands a program over to be run later; the job's id. It is on the server's disk when this returns."""
        body = _body(code, files, {**options, "callback_url": callback_url, "idempotency_key": idempotency_key})
        return str(self._ask("POST", "/v1/jobs", body)["id"])

    def submit_all(self, jobs: Sequence[Mapping[str, Any]]) -> List[str]:
        """Up to 1000 at once, all or none: each a mapping of the arguments of submit. Their ids, in order."""
        bodies = [_body(job.get("code"), job.get("files"), {key: value for key, value in job.items() if key not in ("code", "files")}) for job in jobs]
        return [str(one["id"]) for one in self._ask("POST", "/v1/jobs/batch", {"jobs": bodies})["jobs"]]

    def job(self, id: str) -> Job:
        return _job(self._ask("GET", f"/v1/jobs/{urllib.parse.quote(id, safe='')}"))

    def cancel(self, id: str) -> Job:
        return _job(self._ask("DELETE", f"/v1/jobs/{urllib.parse.quote(id, safe='')}"))

    def jobs(self, state: Optional[str] = None) -> Iterator[Json]:
        """All jobs, newest first, without their results."""
        query: Dict[str, str] = {"limit": "100", **({"state": state} if state else {})}
        while True:
            page = self._ask("GET", "/v1/jobs?" + urllib.parse.urlencode(query))
            yield from page["jobs"]
            if not page["next_cursor"]:
                return
            query["cursor"] = page["next_cursor"]

    def wait(self, id: str, timeout: float = 600.0) -> Job:
        """Asks until the job is over; TimeoutError."""
        pause, deadline = 0.05, time.monotonic() + timeout
        while True:
            job = self.job(id)
            if job.is_over:
                return job
            if time.monotonic() > deadline:
                raise TimeoutError(f"{id} is {job.state} after {timeout} s")
            time.sleep(pause)
            pause = min(pause * 1.5, 2.0)

    def environments(self) -> List[Json]:
        return list(self._ask("GET", "/v1/environments")["environments"])

    # --- HTTP ---

    def _connect(self) -> http.client.HTTPConnection:
        if self.url.startswith("unix:"):
            return _UnixConnection(self.url[len("unix:"):], self.timeout)
        parts = urllib.parse.urlsplit(self.url)
        if not parts.hostname or parts.scheme not in ("http", "https"):
            raise ValueError(f"{self.url!r} is not a URL of a server, as in {DEFAULT_URL} or unix:/run/safexec.sock")
        if parts.scheme == "https":
            return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=self.timeout)
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=self.timeout)

    def _send_once(self, method: str, path: str, body: Optional[bytes], accept: str) -> Tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = self._connect()
        headers = {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise ConnectionFailed(f"no answer from {self.url}: {error}") from error
        except BaseException:  # a cell of a notebook that is interrupted keeps its frames: only a closed connection ends the run
            connection.close()
            raise
        if response.status < 400:
            return connection, response
        try:
            raise self._problem(response)
        finally:
            connection.close()

    def _problem(self, response: http.client.HTTPResponse) -> Problem:
        after = response.headers.get("Retry-After", "")
        try:
            body = json.loads(response.read())
        except (ValueError, OSError, http.client.HTTPException):
            body = None
        if not isinstance(body, dict):
            body = {"status": response.status, "detail": f"{self.url} answers with status {response.status}, and not as a server of ours"}
        return Problem(body, float(after) if after.isdigit() else None)

    def _send(self, method: str, path: str, body: Optional[Json], accept: str) -> Tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        data = None if body is None else json.dumps(body).encode()
        for left in range(self.retries, -1, -1):
            try:
                return self._send_once(method, path, data, accept)
            except Problem as problem:
                if left == 0 or problem.retryable != "never_ran":
                    raise
                time.sleep(min(problem.retry_after or 0.2, RETRY_S))
        raise AssertionError("not reached")

    def _ask(self, method: str, path: str, body: Optional[Json] = None) -> Json:
        connection, response = self._send(method, path, body, "application/json")
        try:
            answer = json.loads(response.read())
        except (ValueError, OSError, http.client.HTTPException) as error:
            raise ConnectionFailed(f"no whole answer from {self.url}: {error}") from error
        finally:
            connection.close()
        if not isinstance(answer, dict):
            raise ConnectionFailed(f"{self.url} is no server of ours")
        return answer

    def _lines(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        while True:
            try:
                line = response.readline()
            except (OSError, http.client.HTTPException) as error:
                raise ConnectionFailed(f"{self.url} broke off: {error}") from error
            if not line:
                return
            yield line
