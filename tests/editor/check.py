#!/usr/bin/env python3
"""What rust-analyzer shows inside of a guarded function and in its attributes, asked of a real one over its protocol.

    tests/editor/check.py

Needs `rustup component add rust-analyzer`, and says so where it is not there. A crate with one guarded function is made in a folder of its own; `shop.rs` beside this file is
its source. Each check is one line of output, and the script fails when one of them does.
"""

import json
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SOURCE = (HERE / "shop.rs").read_text()
# Of `#[circuit_breaker]`.
LINE = SOURCE[: SOURCE.index("failure_rate = 50")].count("\n")


class Server:
    def __init__(self, program, folder):
        environment = dict(os.environ, CARGO_TARGET_DIR=str(folder / "target"))
        self.process = subprocess.Popen(
            [program], cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.answers, self.notes, self.last = {}, queue.Queue(), 0
        self.arrived, self.is_quiet = threading.Condition(), False
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            length = None
            while True:
                line = self.process.stdout.readline()
                if not line:
                    return
                if line == b"\r\n":
                    break
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            message = json.loads(self.process.stdout.read(length))
            with self.arrived:
                if "method" in message and "id" in message:
                    answer = None
                    if message["method"] == "workspace/configuration":
                        answer = [None for _ in message["params"]["items"]]
                    self.send({"id": message["id"], "result": answer})
                elif message.get("method") == "experimental/serverStatus":
                    self.is_quiet = message["params"]["quiescent"]
                    if message["params"].get("message"):
                        print("rust-analyzer:", message["params"]["message"])
                elif "id" in message:
                    self.answers[message["id"]] = message
                self.arrived.notify_all()

    def send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def tell(self, method, params):
        self.send({"method": method, "params": params})

    def ask(self, method, params, within=120):
        """An answer; one that was overtaken by a change of the server's own is asked for again."""
        deadline = time.monotonic() + within
        while True:
            with self.arrived:
                self.last += 1
                asked = self.last
                self.send({"id": asked, "method": method, "params": params})
                if not self.arrived.wait_for(lambda: asked in self.answers, deadline - time.monotonic()):
                    sys.exit(f"{method}: no answer within {within} s")
                answer = self.answers.pop(asked)
            if "error" not in answer:
                return answer["result"]
            if time.monotonic() > deadline or answer["error"]["code"] not in (-32801, -32802, -32800):
                sys.exit(f"{method}: {answer['error']}")
            time.sleep(0.2)


class Editor:
    """A file open in an editor."""

    def __init__(self, program, folder):
        (folder / "src").mkdir()
        (folder / "Cargo.toml").write_text(
            '[package]\nname = "shop"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n[dependencies]\n'
            f'resilience-runtime = {{ path = "{ROOT / "resilience-runtime"}" }}\n'
        )
        shutil.copy(ROOT / "Cargo.lock", folder)
        file = folder / "src" / "lib.rs"
        file.write_text(SOURCE)
        self.uri, self.version, self.text = file.as_uri(), 1, SOURCE
        self.server = Server(program, folder)
        self.server.ask("initialize", {
            "processId": os.getpid(),
            "rootUri": folder.as_uri(),
            "workspaceFolders": [{"uri": folder.as_uri(), "name": "shop"}],
            "capabilities": {
                "experimental": {"serverStatusNotification": True},
                "textDocument": {
                    "hover": {"contentFormat": ["plaintext"]},
                    "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["plaintext"]}},
                    "definition": {"linkSupport": True},
                },
            },
            "initializationOptions": {
                "checkOnSave": False,
                "cachePriming": {"enable": False},
                "procMacro": {"enable": True},
                "completion": {"autoimport": {"enable": False}},
            },
        })
        self.server.tell("initialized", {})
        self.server.tell("textDocument/didOpen", {
            "textDocument": {"uri": self.uri, "languageId": "rust", "version": 1, "text": SOURCE}
        })
        with self.server.arrived:
            if not self.server.arrived.wait_for(lambda: self.server.is_quiet, 500):
                sys.exit("rust-analyzer did not get ready")

    def write(self, text):
        if text != self.text:
            self.version, self.text = self.version + 1, text
            self.server.tell("textDocument/didChange", {
                "textDocument": {"uri": self.uri, "version": self.version}, "contentChanges": [{"text": text}]
            })

    def at(self, offset):
        line = self.text.count("\n", 0, offset)
        column = offset - (self.text.rfind("\n", 0, offset) + 1)
        return {"textDocument": {"uri": self.uri}, "position": {"line": line, "character": column}}

    def look(self, around):
        """The place of the `|` in a text that stands once in the source."""
        self.write(SOURCE)
        before, after = around.split("^")
        assert SOURCE.count(before + after) == 1, around
        return self.at(SOURCE.index(before + after) + len(before))

    def hover(self, around):
        shown = self.server.ask("textDocument/hover", self.look(around))
        return shown["contents"]["value"] if shown else ""

    def targets(self, around):
        found = self.server.ask("textDocument/definition", self.look(around)) or []
        return [target["targetUri"].rsplit("/", 1)[-1] for target in found]

    def offered(self, old, new):
        """What is offered at the `^` in `new`, written in the place of `old`, by its name."""
        assert SOURCE.count(old) == 1, old
        place = SOURCE.index(old) + new.index("^")
        self.write(SOURCE.replace(old, new.replace("^", "")))
        found = self.server.ask("textDocument/completion", self.at(place)) or {"items": []}
        items = found["items"] if isinstance(found, dict) else found
        return {item["label"].split("(")[0]: item for item in items}

    def resolved(self, item):
        return self.server.ask("completionItem/resolve", item)

    def errors(self, old="", new=""):
        self.write(SOURCE.replace(old, new) if old else SOURCE)
        found = self.server.ask("textDocument/diagnostic", {"textDocument": {"uri": self.uri}})
        return [(error["range"], error["message"]) for error in found.get("items", [])]


failed = []


def check(what, holds, seen):
    print(("ok     " if holds else "FAILED ") + what + ("" if holds else f": {seen}"))
    if not holds:
        failed.append(what)


def main():
    program = shutil.which("rust-analyzer")
    if not program or subprocess.run([program, "--version"], capture_output=True).returncode != 0:
        print("skipped: there is no rust-analyzer here; `rustup component add rust-analyzer` brings it")
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        editor = Editor(program, pathlib.Path(folder).resolve())
        try:
            checks(editor)
        finally:
            editor.server.process.kill()
    sys.exit(1 if failed else 0)


def checks(editor):
    editor_has = lambda what, around, wanted: check(what, wanted in editor.hover(around), editor.hover(around))

    def one_target(what, around, file="lib.rs"):
        check(f"{what} has one definition", editor.targets(around) == [file], editor.targets(around))

    ours, bare = editor.hover("fn se^ll("), editor.hover("fn ba^re(")
    check("the function is as it was written", "async fn sell(" in ours and ours.replace("sell", "bare") == bare, ours)
    one_target("the function", "fn se^ll(")
    one_target("an argument's type", "sell(&mut self, order: Ord^er")
    for around in ("se^lf.sold += u64::from(first);\n        Ok(self.sold + order.id)\n    }\n\n    async", "pub async fn sell(&mut se^lf"):
        editor_has("`self` is `self`", around, "self: &mut Shop")
    one_target("a fallback", "#[fallback = Self::lat^er]")
    editor_has("a fallback", "#[fallback = Self::lat^er]", "async fn later(&mut self, order: Order")
    one_target("a constant", "max_wait = PATI^ENCE")
    one_target("a constant without a key", "timeout(PATI^ENCE)")
    one_target("a hook", "ShopError::is_unkn^own,")
    one_target("a key's argument", "key = ord^er.id")
    for key, words in {
        "fail^ure_rate = 50": "Percent of failures",
        "att^empts = 3": "Calls in all",
        "max_con^current = 10": "",
        "max_wa^it = PATIENCE": "",
        "ignore^_if = Shop": "count nowhere",
        "fail^ure_if = |": "Which errors are failures",
        "ke^y = order.id": "one breaker for each",
        "mode = moni^tor": "rejects nothing",
        "mo^de = monitor": "Whether it enforces",
        "backoff = lin^ear": "longer each time",
        "[timed^_out]": "A timeout passed",
        "#[circuit_br^eaker(\"shop\"": "Stops calling what keeps failing",
    }.items():
        seen = editor.hover(key)
        check(f"`{key}` has its documentation", len(seen) > 40 and words in seen, seen)

    breaker = '"shop", failure_rate = 50, mode = monitor,'
    for new in ('"shop", fail^', '"shop", ^,', '^', '"shop", fail^ = 50,', '"shop", failure_rate = 50, fail^ mode = monitor,'):
        offered = editor.offered(breaker, new)
        item = offered.get("failure_rate")
        check(f"`{new}` completes keys", item is not None, sorted(offered))
        if item:
            written = item.get("textEdit", {}).get("newText", item.get("insertText", item["label"]))
            shown = str(editor.resolved(item).get("documentation"))
            check(f"`{new}` writes the key alone", written == "failure_rate", written)
            check(f"`{new}` shows what the key means", "Percent of failures" in shown, shown)
            foreign = sorted(set(offered) & {"enabled", "new", "resolve", "box", "dbg"})
            check(f"`{new}` offers nothing else of ours", not foreign, foreign)
    for old, new, wanted in (
        ("mode = monitor", "mode = ^", "enforce"),
        ("mode = monitor", "mode = mon^", "monitor"),
        ("backoff = linear", "backoff = fib^", "fibonacci"),
        ("[timed_out]", "[timed_out, ^]", "circuit_open"),
        ("ShopError::is_unknown,", "ShopError::is^,", "is_unknown"),
        ("max_wait = PATIENCE", "max_wait = PAT^", "PATIENCE"),
        ("max_wait = PATIENCE", "max_wait = ^", "PATIENCE"),
        ("key = order.id", "key = order.^", "id"),
        ("key = order.id", "key = ord^", "order"),
        ("|error| error.is_unknown()", "|error| error.^", "is_unknown"),
        ("#[fallback = Self::later]", "#[fallback = Self::la^]", "later"),
        ("#[fallback = Self::later]", "#[fallback(Self::la^)]", "later"),
        ("#[fallback = Self::later]", "#[fallback = ^]", "Shop"),
    ):
        offered = editor.offered(old, new)
        check(f"`{new}` completes `{wanted}`", wanted in offered, sorted(offered))

    body = "self.sold += u64::from(first);\n        Ok(self.sold + order.id)\n    }\n\n    async"
    bare = "self.sold += u64::from(first);\n        Ok(self.sold + order.id)\n    }\n}"
    for begun in ("^", "ord^", "self.^", "let x = order.^;"):
        ours, theirs = (set(editor.offered(old, begun + "\n        " + old)) for old in (body, bare))
        check(f"`{begun}` in a body is offered what a bare one is", ours == theirs, sorted(ours ^ theirs))

    check("there is nothing wrong", editor.errors() == [], editor.errors())
    path = "#[fallback = Self::later]"
    half = editor.errors(path, "#[fallback = ]")
    bare = editor.errors("/// Sells it.\n    pub async fn bare", "#[doc = ]\n    pub async fn bare")
    check("`#[fallback = ]` is wrong as `#[doc = ]` is", [said for _, said in half] == [said for _, said in bare], half)
    wrong = editor.errors("failure_rate = 50", "failure_rat = 50")
    check("a mistake is shown where it is, alone", [at["start"]["line"] for at, _ in wrong] == [LINE], wrong)
    # A macro cannot give each brace of a group a place of its own.
    tail = "        Ok(self.sold + order.id)\n    }\n\n    async"
    missing = editor.errors(tail, "    }\n\n    async")
    brace = SOURCE[: SOURCE.index(tail)].count("\n")
    check("a missing tail is shown at the brace", [at["start"]["line"] for at, _ in missing] == [brace], missing)


if __name__ == "__main__":
    main()
