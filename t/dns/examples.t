#!/usr/bin/python3 -B
"""The examples of packaging/publishers, run as keyturn runs them: each cell of
the table in their README, the same again, what fails, and what the files and
the provider's records are in the end."""

import http.server
import json
import os
import re
import sys
import threading
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli                                      # noqa: E402
import lab                                      # noqa: E402
from publishing import EMPTY, publish, record   # noqa: E402

lab.need("jq", "curl", "flock", "sync", "awk")
try:
    import yaml
except ImportError:
    yaml = None
tap = lab.Tap(100)
DIRECTORY = os.path.join(lab.SOURCE, "packaging/publishers")
VALUE, OTHER = record(294), record(294)
NAME = "k1._domainkey.example.com"

# action, what is there before, the outcome, what is there after.
TABLE = [
    ("put", None, "done", VALUE),
    ("put", VALUE, "done", VALUE),
    ("put", EMPTY, "refused", EMPTY),
    ("put", OTHER, "refused", OTHER),
    ("revoke", None, "done", EMPTY),
    ("revoke", VALUE, "done", EMPTY),
    ("revoke", EMPTY, "done", EMPTY),
    ("revoke", OTHER, "refused", OTHER),
    ("remove", None, "done", None),
    ("remove", VALUE, "done", None),
    ("remove", EMPTY, "done", None),
    ("remove", OTHER, "refused", OTHER),
]


def table(name, command, give, there):
    """give(text or None) sets what is there, there() reads it."""
    for action, before, result, after in TABLE:
        give(before)
        got = run(action, command)
        kind = {None: "nothing", VALUE: "value", EMPTY: "empty"}.get(
            before, "another")
        what = "%s: %s at %s" % (name, action, kind)
        tap.ok(got[0] == result, what, got)
        tap.is_(there(), after, what + ": what is there then")
        if result == "refused":
            tap.ok("stay" in got[1] or "is revoked" in got[1],
                   what + ": says why", got)


def run(action, command, **more):
    return publish(action, command=command,
                   **{"type": "exec", "value": VALUE, **more})


def fails(what, got, result, pattern):
    tap.ok(got[0] == result and re.search(pattern, got[1]), what, got)


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def shell_file(bench):
    path, ran = bench.path("records"), bench.path("ran")
    program = os.path.join(DIRECTORY, "shell-file")
    foreign = 'k9._domainkey.example.com. 60 IN TXT "v=DKIM1; p="\n'
    command = [program, path, "sh", "-c", "echo ran >>" + ran]

    def give(text):
        write(path, foreign + ("" if text is None else "%s. 3600 IN TXT %s\n"
                               % (NAME, cli.quoted(text))))

    def there():
        text = read(path)
        tap.ok(text.startswith(foreign), "shell-file: other lines stay", text)
        left = text[len(foreign):]
        if not left:
            return None
        name, strings = left.split(". 3600 IN TXT ", 1)
        return name == NAME and "".join(re.findall('"([^"]*)"', strings))

    table("shell-file", command, give, there)
    tap.is_(read(ran), "ran\n" * 8, "shell-file: the command, each time "
            "that nothing was refused")
    os.unlink(path)
    got = run("put", command, value=record(550))
    tap.ok(got[0] == "done" and read(path).count('"') == 6,
           "shell-file: a new file, a record of three strings", got)
    got = run("put", command, value=record(550))
    tap.is_(got[0], "refused", "shell-file: another of that length")
    os.unlink(path)
    fails("shell-file: the command fails",
          run("put", [program, path, "sh", "-c", "echo no >&2; exit 3"]),
          "later", "exit code 75: no; sh: exit code 3")
    tap.is_(run("put", command)[0], "done", "shell-file: and works then")
    write(path, '%s. 99 IN TXT %s\n' % (NAME.upper(), cli.quoted(VALUE)))
    fails("shell-file: a name in capitals", run("put", command), "refused",
          "another record")
    fails("shell-file: a record twice", (write(path, 2 * read(path)),
                                         run("remove", command))[1],
          "refused", "another record")
    fails("shell-file: no directory", run("put", [
        program, bench.path("nowhere/file")]), "later", "cannot be written")
    fails("shell-file: what needs escaping", run(
        "put", command, value='a"b'), "refused", "would need escaping")


def read_octodns(path):
    """What YAML and octoDNS make of the file."""
    if not os.path.exists(path):
        return None
    (host, data), = yaml.safe_load(read(path)).items()
    if host != "k1._domainkey" or data["type"] != "TXT":
        return False
    # octoDNS: ";" is always escaped, and stands for itself.
    return (not re.search(r"(?<!\\);", data["value"]) and
            data["value"].replace("\\;", ";"))


def read_terraform(path):
    if not os.path.exists(path):
        return None
    data, = json.loads(read(path))["resource"]["dns_txt_record_set"].values()
    return ((data["zone"], data["name"]) ==
            ("example.com.", "k1._domainkey") and data["txt"][0])


def files(bench, kind, name, reader):
    directory = bench.path(kind)
    os.mkdir(directory)
    path = os.path.join(directory, name)
    program = os.path.join(DIRECTORY, "octodns")
    command = [program, kind, directory, "example.com"]

    def give(text):
        if os.path.exists(path):
            os.unlink(path)
        if text is not None:
            got = run("put", command, value=text if text != EMPTY else VALUE,
                      ttl=60)
            if text == EMPTY:
                got = run("revoke", command, ttl=60)
            if got[0] != "done":
                raise RuntimeError(got)

    table(kind, command, give, lambda: reader(path))
    give(None)
    tap.is_(os.listdir(directory), [], kind + ": nothing is left lying about")
    fails(kind + ": the command fails",
          run("put", [*command, "sh", "-c", "echo no >&2; exit 3"]),
          "later", "exit code 75: no; sh: exit code 3")
    write(path, "foreign\n")
    fails(kind + ": a foreign file", run("put", command), "refused",
          "another record is there, and stays")
    tap.is_(read(path), "foreign\n", kind + ": stays")
    fails(kind + ": a name outside", run("put", command, domain="example.org"),
          "refused", "is not below example.com")
    fails(kind + ": no directory", run("put", [
        program, kind, bench.path("none"), "example.com"]), "later",
        "no directory")


class Provider(http.server.BaseHTTPRequestHandler):
    """A provider's API, its records in records; faults by the next status."""

    records, token, status, quotes, meanwhile = {}, "t0k/en+=", None, False, ()
    count = 0

    def log_message(self, *_):
        pass

    def reply(self, status, data=None):
        body = b"" if data is None else json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_one(self):
        cls = Provider
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        url = urllib.parse.urlsplit(self.path)
        parts = url.path.split("/")
        if cls.status:
            return self.reply(cls.status, {"error": "fault \x1b[1m"})
        if self.headers["Authorization"] != "Bearer " + cls.token:
            return self.reply(401, {"error": "who are you?"})
        if parts[1:5] != ["v1", "zones", "example.com", "records"]:
            return self.reply(404, {"error": "no such zone"})
        if self.command == "GET":
            want = urllib.parse.parse_qs(url.query)
            return self.reply(200, {"records": [
                r for r in cls.records.values()
                if [r["type"]] == want["type"] and [r["name"]] == want["name"]
            ]})
        if self.command == "POST":
            cls.count += 1
            for n, text in enumerate([body["content"], *cls.meanwhile]):
                key = "r%d-%d" % (cls.count, n)
                cls.records[key] = {**body, "id": key, "content":
                                    cls.stored(text)}
            return self.reply(201, cls.records["r%d-0" % cls.count])
        if parts[5] not in cls.records:
            return self.reply(404, {"error": "no such record"})
        if self.command == "DELETE":
            del cls.records[parts[5]]
            return self.reply(204)
        cls.records[parts[5]] = {**body, "id": parts[5],
                                 "content": cls.stored(body["content"])}
        return self.reply(200, cls.records[parts[5]])

    do_GET = do_POST = do_PUT = do_DELETE = handle_one

    @classmethod
    def stored(cls, text):
        return cli.quoted(text) if cls.quotes else text


def http_api(bench):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = "http://127.0.0.1:%d/v1" % server.server_port
    token = bench.write("token", Provider.token + "\n")
    program = os.path.join(DIRECTORY, "http-api")
    command = [program, base, "example.com", token]

    def give(text):
        Provider.records.clear()
        Provider.records["x"] = {"id": "x", "type": "TXT", "content": "y",
                                 "name": "k9._domainkey.example.com"}
        if text is not None:
            Provider.records["0"] = {
                "id": "0", "type": "TXT", "name": NAME,
                "ttl": 60, "content": Provider.stored(text)}

    def there():
        texts = ["".join(re.findall('"([^"]*)"', r["content"])) if
                 Provider.quotes else r["content"]
                 for r in Provider.records.values() if r["name"] == NAME]
        tap.ok("x" in Provider.records, "http-api: other records stay")
        return texts[0] if len(texts) == 1 else texts or None

    for Provider.quotes in (False, True):
        table("http-api" + " with quotes" * Provider.quotes, command, give,
              there)
    Provider.quotes = False
    give(None)
    run("put", command, ttl=77)
    tap.ok([r["ttl"] for r in Provider.records.values()
            if r["name"] == NAME] == [77], "http-api: the TTL")
    for status, result in [(403, "refused"), (404, "refused"),
                           (409, "refused"), (429, "later"), (500, "later"),
                           (503, "later"), (302, "later")]:
        Provider.status = status
        fails("http-api: status %d" % status, run("put", command), result,
              'GET: status %d: {"error": "fault ' % status)
    Provider.status = None
    give(None)
    Provider.meanwhile = [OTHER]
    fails("http-api: somebody was as quick", run("put", command), "refused",
          "somebody else made a record at the same moment")
    tap.is_(there(), OTHER, "http-api: whose record stays")
    Provider.meanwhile = ()
    Provider.records["1"] = {**Provider.records["x"], "name": NAME}
    fails("http-api: two records", run("remove", command), "refused",
          "2 other records are there, and stay")
    write(token, "wrong\n")
    fails("http-api: a wrong token", run("put", command), "refused",
          'status 401: {"error": "who are you\\?"}')
    write(token, 'x"\nurl = "http://127.0.0.1:1/')
    fails("http-api: a token that would be an option", run("put", command),
          "refused", "not a token")
    fails("http-api: no token", run("put", [*command[:3], "/nonexistent"]),
          "refused", "no token")
    write(token, Provider.token)
    fails("http-api: another zone", run("put", [program, base, "example.net",
                                               token]), "refused",
          "no such zone")
    fails("http-api: in the clear", run("put", [
        program, "http://192.0.2.1/", "example.com", token]), "refused",
        "a token goes by https only")
    server.shutdown()
    server.server_close()
    fails("http-api: nobody is there", run("put", command), "later",
          "GET: curl: .* port")


with cli.Bench() as b:
    shell_file(b)
    if yaml:
        files(b, "octodns", "k1._domainkey.yaml", read_octodns)
    else:
        tap.skip("octodns", "missing: python3-yaml")
    files(b, "terraform", "keyturn_%s.tf.json" % NAME, read_terraform)
    http_api(b)
tap.done()
