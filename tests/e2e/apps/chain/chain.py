"""Says when it starts, listens a while later, then prints numbered lines until it is told to end.
GET /crash ends it with status 3, GET /end with 0."""
import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

count = 0


def end(*_):
    print(f"ended after line {count}", flush=True)
    os._exit(0)


def talk():
    global count
    while True:
        count += 1
        print(f"line {count}", flush=True)
        time.sleep(0.05)


class Chain(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/crash":
            os._exit(3)
        if self.path == "/end":
            end()
        body = b"chain\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6


signal.signal(signal.SIGTERM, end)
print(f"started at {time.time():.3f}", flush=True)
time.sleep(0.5)
server = Server(("::", int(os.environ["PORT"])), Chain)
threading.Thread(target=talk, daemon=True).start()
server.serve_forever()
