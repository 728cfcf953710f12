"""Keeps what it is sent in /data, and counts there, in two files: the second never behind by more than one."""
import os
import signal
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def read(name):
    try:
        with open(name) as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


def write(name, text):
    with open(name + ".new", "w") as file:
        file.write(text)
    os.rename(name + ".new", name)


def count():
    number = int(read("/data/first") or 0)
    while True:
        number += 1
        write("/data/first", str(number))
        write("/data/second", str(number))
        time.sleep(0.001)


class Keeper(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{read('/version')}:{read('/data/note')}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        write("/data/note", self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.do_GET()

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # as the first process it would not be ended by it
if os.path.isdir("/data"):
    threading.Thread(target=count, daemon=True).start()
Server(("::", int(os.environ["PORT"])), Keeper).serve_forever()
