"""The lab's mail server: takes mail over SMTP, keeps it, and shows it on a page.

Whoever is called refused-SOMETHING is nobody here (550), as a mailbox that was deleted.

Mail is taken only after STARTTLS and AUTH, as a real submission server demands (RFC 6409, RFC 3207, RFC 4954).
Each message becomes NUMBER.eml as it came and NUMBER.json with its decoded parts; numbers only ever grow.

Arguments: FOLDER ADDRESS SMTP_PORT HTTP_PORT CERTIFICATE KEY; user and password are USER and PASSWORD of the environment.
"""
import email
import email.policy
import html
import http.server
import json
import os
import pathlib
import signal
import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

folder, address = pathlib.Path(sys.argv[1]), sys.argv[2]
smtp_port, http_port = int(sys.argv[3]), int(sys.argv[4])
certificate, key = sys.argv[5], sys.argv[6]
user, password = os.environ["USER"].encode(), os.environ["PASSWORD"].encode()


def numbers():
    return sorted((int(path.stem) for path in folder.glob("*.json")), reverse=True)


class Keep:
    """Writes every message to the folder."""

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused-"):
            return f"550 5.1.1 <{address}>: no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)

        def part(kind):
            body = message.get_body(preferencelist=(kind,))
            return body.get_content() if body else None

        number = max(numbers(), default=0) + 1
        kept = {
            "number": number,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "subject": str(message["subject"] or ""),
            "language": str(message["content-language"] or ""),
            "text": part("plain"),
            "html": part("html"),
        }
        (folder / f"{number}.eml").write_bytes(envelope.content)
        unfinished = folder / f"{number}.part"
        unfinished.write_text(json.dumps(kept))
        unfinished.rename(folder / f"{number}.json")
        return "250 kept"


def authenticate(server, session, envelope, mechanism, data):
    # handled=False: the server itself writes the refusal (535).
    return AuthResult(success=(data.login, data.password) == (user, password), handled=False)


PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>%s</title>
<style>body{font:16px/1.5 sans-serif;margin:2rem auto;max-width:50rem;padding:0 1rem}
table{border-collapse:collapse;width:100%%}td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ccc}
pre{white-space:pre-wrap;background:#f4f4f4;padding:1rem}</style><h1>%s</h1>%s"""


class Page(http.server.BaseHTTPRequestHandler):
    """Lists what came, newest first, and shows one message."""

    def do_GET(self):
        name = self.path.strip("/")
        if name == "":
            title, body = "Mail that the lab kept", self.list()
        elif name.isdecimal() and (folder / f"{int(name)}.json").exists():
            title, body = self.one(int(name))
        else:
            return self.answer(404, PAGE % ("Not found", "Not found", '<p><a href="/">All mail</a>'))
        return self.answer(200, PAGE % (html.escape(title), html.escape(title), body))

    def list(self):
        rows = []
        for number in numbers():
            kept = json.loads((folder / f"{number}.json").read_text())
            cells = f'<td>{number}<td>{html.escape(", ".join(kept["to"]))}'
            rows.append(f'<tr>{cells}<td><a href="/{number}">{html.escape(kept["subject"]) or "(no subject)"}</a>')
        if not rows:
            return "<p>Nothing has come yet."
        return "<table><tr><th>Number<th>To<th>Subject" + "".join(rows) + "</table>"

    def one(self, number):
        kept = json.loads((folder / f"{number}.json").read_text())
        to, sender = html.escape(", ".join(kept["to"])), html.escape(kept["from"] or "")
        body = f"<p>From {sender} to {to}<pre>{html.escape(kept['text'] or kept['html'] or '')}</pre>"
        return kept["subject"] or "(no subject)", body + '<p><a href="/">All mail</a>'

    def answer(self, status, page):
        content = page.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        """Keeps addresses out of the log."""


tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
tls.load_cert_chain(certificate, key)
Controller(
    Keep(),
    hostname=address,
    port=smtp_port,
    server_hostname="mail.test",
    tls_context=tls,
    require_starttls=True,
    authenticator=authenticate,
    auth_required=True,
    auth_require_tls=True,
).start()
page = http.server.ThreadingHTTPServer((address, http_port), Page)
threading.Thread(target=page.serve_forever, daemon=True).start()
# The program that started this one waits for the file, so it is the last thing that is made.
(folder / "server.pid").write_text(str(os.getpid()))
signal.sigwait({signal.SIGTERM, signal.SIGINT})
