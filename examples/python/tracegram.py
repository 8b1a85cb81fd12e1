"""A complete sender of traces in Python's standard library (3.9 or newer). Copy this file into your bot.

    tracer = Tracegram()                       # TRACEGRAM_INGEST_URL and TRACEGRAM_INGEST_KEY
    with tracer.trace("support", update_id=7, chat_id=501, user_id=501):
        with tracer.step("llm.generate") as step:
            step.llm(model="gpt-x", input_tokens=812, output_tokens=64, request=question, response=answer)

It never raises into the bot and never makes it wait: traces go out in batches, from a bounded queue, in a thread of its own.
What it must drop it counts by reason (`stats()`), and reports. The protocol is docs/wire.md; README.md says more of this file.
"""
import atexit
import contextvars
import gzip
import json
import logging
import multiprocessing
import os
import random
import secrets
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter, deque
from contextlib import contextmanager, suppress
from multiprocessing.util import Finalize, register_after_fork
from numbers import Number

MAX_TRACES_PER_BATCH, MAX_BODY_BYTES, BEST_BATCH_BYTES = 500, 1024 * 1024, 256_000
MAX_STEPS, MAX_NAME, MAX_ERROR, MAX_IO_CHARS = 1000, 100, 2000, 64 * 1024
MOST = {"input_tokens": 10**8, "cached_tokens": 10**8, "output_tokens": 10**8, "reasoning_tokens": 10**8,
        "cost_microusd": 10**9, "first_token_ms": 2**31 - 1}
KEYS = {"update_id": 2**31 - 1, "message_id": 2**31 - 1, "chat_id": 2**53 - 1, "user_id": 2**53 - 1}
ROOM = 4096  # of a body, for what stands around its traces

log = logging.getLogger("tracegram")
_current = contextvars.ContextVar("tracegram", default=(None, 0))  # the trace, and the position of the step that encloses


def uuid7(ms):
    return str(uuid.UUID(int=ms << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62)))


def _numbers(given, most, least=0):
    """Those that the server takes: one that it would refuse must not cost the trace."""
    taken = {}
    for name, value in given.items():
        with suppress(Exception):  # a number may be no real one, or not a number
            if name in most and isinstance(value, Number) and type(value) is not bool and least * most[name] <= value <= most[name]:
                taken[name] = int(round(value))
    return taken


def _json(value):
    return json.dumps(value, ensure_ascii=False).encode(errors="replace")  # half of a surrogate pair is no character


def _text(value):
    """str() of what may be an object of the bot's own: it never raises."""
    try:
        return str(value)
    except Exception:
        return f"[no text: {type(value).__name__}]"


def _as_said(value):
    """As text, and at once: the bot goes on with its list of messages."""
    try:
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_text)
    except Exception:  # a circle, or a key that JSON does not have
        return _text(value)


def _described(error):
    return f"{type(error).__name__}: {_text(error)}" if isinstance(error, BaseException) else _text(error)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    redirect_request = lambda *_: None  # the key is for one host


class Step:
    def __init__(self, name, parent=0, offset_ms=0, detached=False):
        self.wire = {"name": _text(name)[:MAX_NAME] or "(unnamed)", "offset_ms": offset_ms, **({"parent": parent} if parent else {})}
        self.detached, self.error, self.said = detached, None, {}

    def llm(self, model=None, request=None, response=None, **numbers):
        """What is known of an LLM call; what is not is left out. `numbers` are those of MOST, such as output_tokens=64."""
        self.wire.update(_numbers(numbers, MOST), **({} if model is None else {"model": _text(model)[:MAX_NAME]}))
        self.said.update({k: _as_said(v) for k, v in (("request", request), ("response", response)) if v is not None})

    def fail(self, error):
        """Marks it as failed; an exception that leaves it does so by itself."""
        if not isinstance(error, GeneratorExit):  # the bot reads its generator no further
            self.error = _described(error)


class Trace:
    fail = Step.fail

    def __init__(self, pipeline, release, keys):
        self.began, self.ms = time.monotonic(), time.time_ns() // 1_000_000
        self.id, self.lock, self.steps, self.error, self.ended = uuid7(self.ms), threading.RLock(), [], None, False
        self.wire = {"trace_id": self.id, "started_at": self.ms, "pipeline": _text(pipeline).strip()[:MAX_NAME] or "(unnamed)",
                     **({} if release is None else {"release": _text(release)[:MAX_NAME]}), **_numbers(keys, KEYS, -1)}

    def now(self):
        """Milliseconds since it began."""
        return int((time.monotonic() - self.began) * 1000)


class Tracegram:
    """`mask(text)` is called with each error, request and response, and returns what may leave the bot. `io_share` (0..1): of how
    many of the traces without an error requests and responses are sent. Times are in seconds."""

    def __init__(self, url=None, key=None, release=None, mask=None, io_share=0.1, max_queued=1000, max_queued_bytes=8 << 20,
                 flush_at=10, flush_interval=0.1, timeout=10.0, exit_timeout=5.0):
        self.url = (url or os.environ.get("TRACEGRAM_INGEST_URL") or "").strip()
        self.key = (key or os.environ.get("TRACEGRAM_INGEST_KEY") or "").strip()
        self.release, self.mask, self.io_share, self.timeout = release, mask or (lambda text: text), io_share, timeout
        self.max_queued, self.max_queued_bytes, self.flush_at, self.flush_interval = max_queued, max_queued_bytes, flush_at, flush_interval
        self._open = urllib.request.build_opener(_NoRedirect).open
        self._finalize = lambda *_: Finalize(None, self.close, (exit_timeout,), exitpriority=1)
        self._begin()
        if not (self.url and self.key):
            self._warn("off", "there is no address or no key: traces are not sent")
            self._log()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin)  # what is queued is the parent's to send
        atexit.register(self.close, exit_timeout)
        register_after_fork(self, self._finalize)  # a process of multiprocessing skips atexit
        if multiprocessing.parent_process():
            self._finalize()
        in_main = threading.current_thread() is threading.main_thread()
        if in_main and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            # By default Python ends at once. A bot that has a handler of its own calls close().
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    def _begin(self):
        self.sender, self._cond, self._thread, self._said = str(uuid.uuid4()), threading.Condition(), None, set()
        self._queue, self._bytes, self._taken, self._removed = deque(), 0, 0, 0
        self._counts, self._dropped, self._reported = Counter(recorded=0, delivered=0, outside=0, steps_cut=0), Counter(), {}
        self._messages, self._logging = deque(), threading.local()
        self._closed, self._hurry, self._wakes, self._failures, self._size = False, False, 0, 0, MAX_TRACES_PER_BATCH

    # --- Recording: in the bot's threads and tasks ---

    @contextmanager
    def trace(self, pipeline, announce=False, **keys):
        """One run. Keys: update_id, chat_id, user_id, message_id. `announce` sends word of a long one when it starts."""
        trace, before = Trace(pipeline, self.release, keys), _current.get()
        if announce:
            self._push(lambda _: {**trace.wire, "status": "running", "steps": []})
        _current.set((trace, 0))
        try:
            yield trace
        except BaseException as error:
            trace.fail(error)
            raise
        finally:
            with trace.lock:
                trace.ended = True  # a task may still be in it
            self._leave(trace, before)
            self._push(lambda with_io: self._encode(trace, with_io))

    @contextmanager
    def step(self, name, detached=False):
        """A step of the trace around it. Tasks of asyncio know theirs; start a thread with contextvars.copy_context().run.
        `detached`: that it outlives its trace is meant."""
        trace, parent = before = _current.get()
        step, lost = Step(name, parent, trace.now() if trace else 0, detached), "outside"
        if trace:
            with trace.lock:
                lost = "outside" if trace.ended else "steps_cut" if len(trace.steps) >= MAX_STEPS else None
                if not lost:
                    trace.steps.append(step)
                    _current.set((trace, len(trace.steps)))
        if lost:
            with self._cond:
                self._counts[lost] += 1
        try:
            yield step
        except BaseException as error:
            step.fail(error)
            raise
        finally:
            if not lost:
                step.wire["duration_ms"] = trace.now() - step.wire["offset_ms"]
                self._leave(trace, before)

    def _leave(self, trace, before):
        if _current.get()[0] is trace:  # not so in a generator that is closed later
            _current.set(before)

    def _encode(self, trace, with_io):
        took, steps, io = trace.now(), list(trace.steps), []
        failed = trace.error is not None or any(step.error is not None for step in steps)
        with_io = with_io and (failed or int(trace.id[-8:], 16) < self.io_share * 2**32)
        wire = {**trace.wire, "status": "ok" if trace.error is None else "error", "duration_ms": took, **self._error(trace.error),
                "steps": []}
        for position, step in enumerate(steps, 1):
            own, said, error = dict(step.wire), dict(step.said), step.error  # copies: it may go on in another thread
            ended = "duration_ms" in own
            if error is None and not (ended or step.detached):
                error = "still running when the trace ended"
            status = {"status": "error"} if error is not None else {} if ended else {"status": "detached"}
            wire["steps"].append({"duration_ms": max(0, took - own["offset_ms"]), **own, **status, **self._error(error)})
            said = {name: self._masked(text) for name, text in said.items() if with_io}  # before it is cut
            if said:
                io.append({"step": position, **{name: text[:MAX_IO_CHARS] for name, text in said.items()},
                           **{f"{name}_chars": len(text) for name, text in said.items()}})
        return {**wire, "io": io} if io else wire

    def _error(self, error):
        return {} if error is None else {"error": self._masked(error)[:MAX_ERROR]}

    def _masked(self, text):
        try:
            return str(self.mask(text))
        except Exception:
            return "[the mask failed]"

    def _push(self, encode):
        if not (self.url and self.key):
            return
        try:
            record = _json(encode(True))
            if len(record) > MAX_BODY_BYTES - ROOM:
                record = _json(encode(False))  # without its requests and responses
            reason = "too_large" if len(record) > MAX_BODY_BYTES - ROOM else None
        except Exception as error:
            reason = "not_serialisable"
            self._warn(reason, _described(error))
        with self._cond:
            self._counts["recorded"] += 1
            if reason is None and self._closed:
                reason = "closed"
            elif reason is None and (len(self._queue) >= self.max_queued or self._bytes + len(record) > self.max_queued_bytes):
                reason = "queue_full"
            if reason is not None:
                self._dropped[reason] += 1
                self._warn(reason, f"traces are dropped: {reason}")
            else:
                self._queue.append(record)
                self._bytes, self._taken = self._bytes + len(record), self._taken + 1
            if self._queue and self._thread is None:
                thread = threading.Thread(target=self._run, name="tracegram", daemon=True)
                try:
                    thread.start()
                    self._thread = thread
                except RuntimeError:
                    pass  # Python is ending: what is queued stays so
            self._cond.notify_all()
        self._log()

    # --- Delivery: in the thread ---

    def flush(self, timeout=5.0):
        """Sends what is queued now. Returns whether all of it was delivered within `timeout`. It blocks: asyncio.to_thread(flush)."""
        with self._cond:
            target, lost = self._taken, sum(self._dropped.values())
            self._hurry, self._wakes = True, self._wakes + 1
            self._cond.notify_all()
            self._cond.wait_for(lambda: self._removed >= target or self._closed, timeout)
            self._hurry = False
            return self._removed >= target and sum(self._dropped.values()) == lost

    def close(self, timeout=5.0):
        """Flushes, and ends the thread. What is recorded after it is dropped, and counted."""
        until, delivered = time.monotonic() + timeout, self.flush(timeout)
        with self._cond:
            self._closed, thread = True, self._thread
            self._cond.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(0, until - time.monotonic()))  # it may have something to say
        return delivered

    def stats(self):
        """recorded = delivered + queued + the sum of dropped. outside: steps that were in no open trace; steps_cut: those
        beyond the thousand that a trace may have."""
        with self._cond:
            return {**self._counts, "queued": len(self._queue), "dropped": dict(self._dropped)}

    def _run(self):
        while not self._closed:
            woken = self._wakes
            try:
                settled, asked, woken = self._deliver()
            except Exception as error:  # whatever it is, it must not be the end of the thread
                settled, asked = False, None
                self._warn("unexpected", f"traces wait: {_described(error)}")
            self._log()
            if not settled:
                with self._cond:
                    pause = min(30, 0.2 * 2**min(self._failures, 10)) * random.uniform(0.5, 1)
                    self._failures += 1
                    # A flush ends a pause of ours, not one that the server has asked for.
                    self._cond.wait_for(lambda: self._closed or asked is None and self._wakes != woken, asked or pause)

    def _deliver(self):
        """One batch. Returns whether it is settled; if it is not, what the server asks us to wait, and how many flushes it knew of."""
        with self._cond:
            self._cond.wait_for(lambda: self._queue or self._closed)
            self._cond.wait_for(lambda: self._hurry or self._closed or len(self._queue) >= self.flush_at, self.flush_interval)
            if self._closed:
                return True, None, 0
            batch, size, woken, dropped = [], 0, self._wakes, dict(self._dropped)
            for record in self._queue:  # what is under way stays in the queue until it is answered
                size += len(record) + 1
                if len(batch) >= self._size or batch and size > BEST_BATCH_BYTES:
                    break
                batch.append(record)
        status, answer, asked = self._post(batch, dropped)
        with self._cond:
            return self._settle(batch, status, answer, dropped), asked, woken

    def _post(self, batch, dropped):
        """The status (0: none), the answer, and how many seconds the server asks us to wait, if it does."""
        body = b"[" + b",".join(batch) + b"]"
        if dropped != self._reported:
            body = b'{"sender":"%s","dropped":%s,"traces":%s}' % (self.sender.encode(), json.dumps(dropped).encode(), body)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", "Content-Encoding": "gzip"}
        try:
            if not (self.key.isascii() and self.key.isprintable()):
                raise ValueError("the key has characters that no key has")  # Python's own error would show it
            request = urllib.request.Request(self.url, gzip.compress(body, 6), headers)
            with self._open(request, timeout=self.timeout) as response:
                return response.status, dict(json.load(response)), None
        except urllib.error.HTTPError as error:
            after = error.headers.get("Retry-After", "")
            try:
                answer = dict(json.load(error))
            except Exception:
                answer = {}
            if 300 <= error.code < 400:
                answer = {"message": f"the address redirects to {error.headers.get('Location')}, which is not followed"}
            return error.code, answer, min(3600, int(after[:9])) if after.isdecimal() else None
        except Exception as error:  # unreachable, a timeout, an answer that is none
            return 0, {"message": _described(error)}, None

    def _settle(self, batch, status, answer, dropped):
        """Takes what is settled out of the queue. Returns False when there is to be a pause."""
        why = f"{answer.get('message', f'the server answered {status}')} ({answer.get('code', status)}) {answer.get('hint', '')}"
        items = answer.get("items")
        if status == 200 and isinstance(items, list):
            rejected = [item for item in items if isinstance(item, dict) and item.get("result") == "rejected"]
            for item in rejected:
                self._warn("rejected", f"the server rejected a trace: {item.get('message')} ({item.get('code')})")
            self._counts["delivered"] += len(batch) - len(rejected)
            self._reported, self._failures, self._size = dropped, 0, min(MAX_TRACES_PER_BATCH, self._size * 2)
            self._said.discard("undelivered")
            return self._remove(batch, "rejected", len(rejected))
        if status == 413:
            self._size = max(1, len(batch) // 2)
            return len(batch) > 1 or self._remove(batch, "too_large", 1)
        if status in (0, 200, 408, 425, 429) or 300 <= status < 400 or status >= 500:
            self._warn("undelivered", f"traces cannot be delivered, and wait: {why}")
            if status == 500 and self._failures >= 3:  # one of them may be at fault: find it, and let the others pass
                self._size = max(1, len(batch) // 2)
                self._queue.rotate(-1 if len(batch) == 1 else 0)
            return False
        self._warn("refused", f"traces are dropped: {why}")
        return self._remove(batch, "refused", len(batch))

    def _remove(self, batch, reason, lost):
        self._bytes -= sum(len(self._queue.popleft()) for _ in batch)
        self._removed += len(batch)
        if lost:
            self._dropped[reason] += lost
        self._cond.notify_all()
        return True

    def _warn(self, cause, message):
        """Keeps what _log will say: once per cause."""
        with self._cond:
            if cause not in self._said:
                self._said.add(cause)
                self._messages.append(message.replace(self.key or "\0", "[key]"))

    def _log(self):
        """Without the lock, and not from within itself: a handler of the bot's may be slow, raise, or record traces."""
        while self._messages and not getattr(self._logging, "now", False):
            self._logging.now = True
            try:
                with suppress(Exception):
                    log.warning("%s", self._messages.popleft())
            finally:
                self._logging.now = False
