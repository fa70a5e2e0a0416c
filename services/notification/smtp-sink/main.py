#!/usr/bin/python3 -I
"""smtp-sink: a mail server that delivers nowhere, fails as it is told to, and remembers what it took.

  SMTP  127.0.0.1:<smtp-port>   mails; a mailbox whose name begins with "unregistered" is not there (550)
  HTTP  127.0.0.1:<port>        GET, PUT /v1/faults/email
                                GET, DELETE /v1/deliveries/email     ?limit=1..1000 &cursor= &recipient=
                                GET /v1/deliveries/email/{key}
                                GET /v1/summary    /livez    /readyz    /metrics

Faults, deliveries and answers are those of the provider-simulator (its openapi.json says what they are); a
mail's key is the left part of its Message-ID, with ':' for the last '.': "<notification id>:email". What
differs is SMTP's: a permanent fault is 550, a transient 451, throttled 450, down 421; and a mail that is sent
twice is two mails, so 'delivered' may be more than 1 ('repeated' are those after the first).

SMTP is asyncio, in the main thread; HTTP has threads. They meet in Store, under its lock. Nothing is on disk.
"""

import argparse
import asyncio
import email
import email.policy
import hashlib
import http.client
import http.server
import json
import logging
import os
import re
import signal
import sys
import threading
import time
import urllib.parse

from aiosmtpd.smtp import SMTP

KEYS, TEXT_CHARS, PAGE_MAX = 200_000, 256 << 20, 1000
MAIL_BYTES, BODY_BYTES, IDLE_S = 1 << 20, 1024, 30
ANSWERS = ("accepted", "invalid", "permanent", "transient", "throttled", "timeout", "late_timeout", "full",
           "down")
REPLIES = {
    "accepted": "250 2.0.0 queued as %s",
    "late_timeout": "250 2.0.0 queued as %s",
    "permanent": "550 5.1.1 mailbox unavailable",
    "transient": "451 4.3.0 local error in processing",
    "throttled": "450 4.7.1 too many mails, try again later",
    "timeout": "451 4.3.0 took too long",
    "full": "452 4.3.1 no more room for mails: DELETE them",
    "down": "421 4.3.2 service not available",
}


class Refused(Exception):
    """An HTTP request that is answered with a problem."""

    def __init__(self, status, field, detail):
        super().__init__(detail)
        self.status, self.field = status, field


def log(event, **values):
    now = time.time()
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + ".%03dZ" % (now % 1 * 1000)
    if os.environ.get("KPK_LOG_FORMAT") == "json":
        line = json.dumps({"time": at, "level": "info", "event": event, **values})
    else:
        line = " ".join([at, "INFO", event] + [
            "%s=%s" % (k, json.dumps(v) if isinstance(v, str) else v) for k, v in values.items()])
    print(line, file=sys.stderr, flush=True)


# --- faults ------------------------------------------------------------------------------------

FAULTS_NONE = {"seed": 1, "permanent": 0, "transient": 0, "transient_attempts": 1, "throttled": 0,
               "retry_after_s": 1, "timeout": 0, "slow_ms": 0, "down": False}
WHOLE = {"seed": (0, 1 << 53), "transient_attempts": (1, 100), "retry_after_s": (0, 86400),
         "slow_ms": (0, 60000)}
SHARES = ("permanent", "transient", "throttled", "timeout")


def check_fault(field, value):
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if field == "down" and not isinstance(value, bool):
        raise Refused(422, field, field + ": must be true or false")
    if field in WHOLE:
        low, high = WHOLE[field]
        if not number or not low <= value <= high or value != int(value):
            raise Refused(422, field, "%s: must be a whole number from %d to %d" % (field, low, high))
    if field in SHARES and not (number and 0 <= value <= 1):
        raise Refused(422, field, field + ": must be a number from 0 to 1")


def reject_constant(name):
    raise ValueError(name + " is no JSON")


def read_faults(body):
    try:
        given = json.loads(body, parse_constant=reject_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(422, "body", "not JSON: %s" % error) from None
    if not isinstance(given, dict):
        raise Refused(422, "body", "not a JSON object")
    for field, value in given.items():
        if field not in FAULTS_NONE:
            raise Refused(422, field[:40], field[:40] + ": no such field")
        check_fault(field, value)
    faults = {**FAULTS_NONE, **given}
    if sum(faults[share] for share in SHARES) > 1 + 1e-9:
        raise Refused(422, "timeout", "timeout: %s are more than 1 together" % ", ".join(SHARES))
    return faults


def decide(faults, key, attempt):
    """As faults_decide() of the provider-simulator has it."""
    digest = hashlib.sha256(("%d:%s" % (faults["seed"], key)).encode(errors="replace")).digest()
    bits = int.from_bytes(digest[:8], "big")
    at, bound = (bits >> 11) / 2**53, faults["permanent"]
    if at < bound:
        return "permanent"
    for share in SHARES[1:]:
        bound += faults[share]
        if at < bound and attempt <= faults["transient_attempts"]:
            return "late_timeout" if share == "timeout" and bits & 1 else share
    return "accepted"


# --- what was taken ----------------------------------------------------------------------------


class Store:
    """Mails by key, in the order in which the keys came first (a dict keeps it)."""

    def __init__(self):
        self.lock = threading.Lock()
        self.faults = dict(FAULTS_NONE)
        self.changes = 0  # of the faults: who hangs for one that is gone, hangs no longer
        self.forget()

    def forget(self):
        self.mails, self.chars, self.answers = {}, 0, dict.fromkeys(ANSWERS, 0)
        self.delivered = self.repeated = 0

    def count(self, answer):
        with self.lock:
            self.answers[answer] += 1

    def receive(self, key, mail):
        """One attempt. Returns the answer and the number of the mail."""
        with self.lock:
            entry = self.mails.get(key)
            if not entry:
                if len(self.mails) >= KEYS or self.chars >= TEXT_CHARS:
                    self.answers["full"] += 1
                    return "full", ""
                entry = {"key": key, **mail, "attempts": 0, "delivered": 0, "repeated": 0, "last_answer": "",
                         "id": "", "first_at": int(time.time() * 1000), "delivered_at": 0}
                self.mails[key] = entry
                self.chars += len(entry["text"])
            entry["attempts"] += 1
            answer = decide(self.faults, key, entry["attempts"])
            if answer in ("accepted", "late_timeout"):
                self.deliver(entry, mail)
            entry["last_answer"] = answer
            self.answers[answer] += 1
            return answer, entry["id"]

    def deliver(self, entry, mail):
        self.chars += len(mail["text"]) - len(entry["text"])
        entry.update(mail)  # an address may have been corrected since the first attempt
        self.delivered += 1
        self.repeated += entry["delivered"] > 0
        entry["repeated"] = entry["delivered"]
        entry["delivered"] += 1
        entry["id"] = str(self.delivered)
        entry["delivered_at"] = int(time.time() * 1000)

    def page(self, cursor, limit, recipient):
        with self.lock:
            entries, found = list(self.mails.values()), []
            while cursor < len(entries) and len(found) < limit:
                if recipient in (None, entries[cursor]["recipient"]):
                    found.append(dict(entries[cursor]))
                cursor += 1
            return {"deliveries": found, "next_cursor": str(cursor) if cursor < len(entries) else None}

    def find(self, key):
        with self.lock:
            return dict(self.mails[key]) if key in self.mails else None

    def summary(self):
        with self.lock:
            return {"keys": len(self.mails), "delivered": self.delivered, "repeated": self.repeated,
                    "answers": dict(self.answers)}


# --- SMTP --------------------------------------------------------------------------------------


def read_mail(content, recipients):
    """Returns key and mail. Raises ValueError: it is none."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    message_id = str(message["Message-ID"] or "").strip()
    part = message.get_body(("plain",))
    if not message_id or part is None:
        raise ValueError("no Message-ID, or no text")
    left = message_id.strip("<>").partition("@")[0]
    return ":".join(left.rsplit(".", 1)), {
        "recipient": ", ".join(recipients), "title": str(message["Subject"] or ""),
        "text": part.get_content().replace("\r\n", "\n"), "message_id": message_id}


class Mailbox:
    """What aiosmtpd asks at each command."""

    def __init__(self, store, hang_ms):
        self.store, self.hang_ms = store, hang_ms

    def is_down(self):
        if self.store.faults["down"]:
            self.store.count("down")
            return True
        return False

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        return [REPLIES["down"]] if self.store.faults["down"] else responses

    async def handle_HELO(self, server, session, envelope, hostname):
        session.host_name = hostname
        return REPLIES["down"] if self.is_down() else "250 " + server.hostname

    async def handle_MAIL(self, server, session, envelope, address, options):
        if self.is_down():
            return REPLIES["down"]
        envelope.mail_from = address
        return "250 2.1.0 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("unregistered"):
            self.store.count("invalid")
            return REPLIES["permanent"]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        try:
            key, mail = read_mail(envelope.content, envelope.rcpt_tos)
        except Exception as error:  # whatever a stranger's mail does to the parser
            self.store.count("invalid")
            return "554 5.6.0 not a mail: %s" % re.sub(r"[^ -~]", "?", str(error))[:100]
        changes = self.store.changes
        await asyncio.sleep(self.store.faults["slow_ms"] / 1000)
        answer, number = self.store.receive(key, mail)
        if answer.endswith("timeout"):
            await self.hang(changes)
        return REPLIES[answer].replace("%s", number)

    async def hang(self, changes):
        until = time.monotonic() + self.hang_ms / 1000
        while time.monotonic() < until and self.store.changes == changes:
            await asyncio.sleep(0.05)


# --- HTTP --------------------------------------------------------------------------------------


class Control(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_S
    wbufsize = -1  # head and body leave together
    store = None  # set by main(), as 'stopping' is
    stopping = threading.Event()

    def log_message(self, *_):
        pass

    def answer(self, status, body=None, content_type="application/json"):
        data = b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        if data:
            self.send_header("Content-Type", content_type)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        if status == 503:
            self.send_header("Retry-After", "1")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def problem(self, status, field, detail):
        body = {"type": "about:blank", "title": http.client.responses[status], "status": status,
                "detail": detail}
        self.answer(status, {**body, "field": field} if field else body, "application/problem+json")

    def body(self):
        length = self.headers.get("Content-Length") or "0"
        if "Transfer-Encoding" in self.headers or not re.fullmatch("[0-9]{1,9}", length, re.ASCII):
            self.close_connection = True
            raise Refused(400, "body", "its length must be given")
        if int(length) > BODY_BYTES:
            self.close_connection = True
            raise Refused(413, "body", "longer than %d bytes" % BODY_BYTES)
        data = self.rfile.read(int(length))
        if data and self.command != "PUT":
            raise Refused(400, "body", "none is taken here")
        if self.command == "PUT" and self.headers.get_content_type() != "application/json":
            raise Refused(415, "Content-Type", "must be application/json")
        return data

    def number(self, query, name, default, low, high):
        text = query.get(name, [str(default)])[0]
        if not re.fullmatch("[0-9]{1,9}", text, re.ASCII) or not low <= int(text) <= high:
            raise Refused(400, name, "must be a number from %d to %d" % (low, high))
        return int(text)

    def route(self):
        target = urllib.parse.urlsplit(self.path)
        path = [urllib.parse.unquote(segment) for segment in target.path.split("/")[1:]]
        query = urllib.parse.parse_qs(target.query, keep_blank_values=True)
        body, method = self.body(), "GET" if self.command == "HEAD" else self.command
        routes = {
            ("GET", "livez"): lambda: self.answer(200, {"status": "alive"}),
            ("GET", "readyz"): self.ready,
            ("GET", "metrics"): self.metrics,
            ("GET", "v1/summary"): lambda: self.answer(200, {"email": self.store.summary()}),
            ("GET", "v1/faults/email"): lambda: self.answer(200, self.store.faults),
            ("PUT", "v1/faults/email"): lambda: self.set_faults(body),
            ("GET", "v1/deliveries/email"): lambda: self.list(query),
            ("DELETE", "v1/deliveries/email"): self.forget,
        }
        if (method, "/".join(path)) in routes:
            return routes[method, "/".join(path)]()
        if any("/".join(path) == known for _, known in routes):
            raise Refused(405, "method", "not for this path")
        if path[:3] == ["v1", "deliveries", "email"] and len(path) == 4 and method == "GET":
            return self.show(path[3])
        raise Refused(404, "path", "no such path")

    def handle_any(self):
        try:
            self.route()
        except Refused as why:
            self.problem(why.status, why.field, str(why))

    do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = handle_any

    def ready(self):
        if self.stopping.is_set():
            self.problem(503, None, "draining")
        else:
            self.answer(200, {"status": "ready"})

    def set_faults(self, body):
        faults = read_faults(body)
        self.store.faults = faults
        self.store.changes += 1
        log("faults", faults=json.dumps(faults))
        self.answer(200, faults)

    def list(self, query):
        self.answer(200, self.store.page(self.number(query, "cursor", 0, 0, 10**9),
                                         self.number(query, "limit", 100, 1, PAGE_MAX),
                                         query.get("recipient", [None])[0]))

    def show(self, key):
        mail = self.store.find(key)
        if not mail:
            raise Refused(404, "key", "nothing came with it")
        self.answer(200, mail)

    def forget(self):
        with self.store.lock:
            self.store.forget()
        self.answer(204)

    def metrics(self):
        answers = self.store.summary()["answers"]
        lines = ["# HELP kpk_sink_answers_total Mails, by what was answered",
                 "# TYPE kpk_sink_answers_total counter",
                 *('kpk_sink_answers_total{answer="%s"} %d' % pair for pair in answers.items()),
                 "# HELP process_cpu_seconds_total CPU time spent, user and system",
                 "# TYPE process_cpu_seconds_total counter",
                 "process_cpu_seconds_total %.6f" % time.process_time()]
        self.answer(200, "\n".join(lines) + "\n", "text/plain; version=0.0.4; charset=utf-8")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


# --- the program -------------------------------------------------------------------------------

SUMMARY = "a mail server that delivers nowhere, fails as it is told to, and remembers what it took"
OPTIONS = (  # name, environment, type, default, help
    ("port", "KPK_HTTP_PORT", (1, 65534), "18111", "HTTP port on 127.0.0.1"),
    ("smtp-port", "", (1, 65535), "the HTTP port + 1", "SMTP port on 127.0.0.1"),
    ("hang-ms", "", (1, 60000), "10000", "how long a mail whose fault is a time-out hangs"),
)


class Markdown(argparse.Action):
    """For docs/CONFIG.md, as the programs in C write it."""

    def __call__(self, parser, *_):
        print("## smtp-sink\n\n%s\n" % SUMMARY)
        print("| option | environment | type | default | meaning |\n|---|---|---|---|---|")
        for name, environment, (low, high), default, text in OPTIONS:
            print("| `--%s` | %s | number %d to %d | %s | %s |" % (
                name, environment and "`%s`" % environment, low, high, default, text))
        print()
        parser.exit()


def between(low, high):
    def number(text):
        if not re.fullmatch("[0-9]{1,9}", text, re.ASCII) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError("%s is not in %d..%d" % (text, low, high))
        return int(text)
    return number


def read_options():
    parser = argparse.ArgumentParser(prog="smtp-sink", description=SUMMARY, allow_abbrev=False)
    for name, environment, bounds, default, text in OPTIONS:
        fallback = os.environ.get(environment) or (default if default.isdigit() else None)
        parser.add_argument("--" + name, type=between(*bounds), default=fallback, metavar="VALUE",
                            help="%s; %d to %d; default %s" % (text, *bounds, default))
    parser.add_argument("--help-markdown", action=Markdown, nargs=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.smtp_port = options.smtp_port or options.port + 1
    return options


async def run(options):
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    Control.store = store = Store()
    mailbox = Mailbox(store, options.hang_ms)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    smtp = await loop.create_server(
        lambda: SMTP(mailbox, hostname="smtp-sink.localhost", ident="smtp-sink", data_size_limit=MAIL_BYTES,
                     loop=loop),
        "127.0.0.1", options.smtp_port, backlog=1024)
    control = Server(("127.0.0.1", options.port), Control)
    threading.Thread(target=control.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    log("started", port=options.port, smtp_port=options.smtp_port)
    await stop.wait()
    Control.stopping.set()
    smtp.close()
    control.shutdown()


def main():
    options = read_options()
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd's own
    try:
        asyncio.run(run(options))
    except OSError as error:
        sys.exit("smtp-sink: %s" % error)


if __name__ == "__main__":
    main()
