"""Prints a numbered line again and again, and answers with how far it has come."""
import os
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

count = 0


def talk():
    global count
    while True:
        count += 1
        print(f"line {count}", flush=True)
        time.sleep(0.01)


class Talker(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{count}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6


threading.Thread(target=talk, daemon=True).start()
Server(("::", int(os.environ["PORT"])), Talker).serve_forever()
