"""read_stream.py HOST PORT: opens ws://HOST:PORT/_stcore/stream at 127.0.0.1 and prints its messages,
one a line, until the one that says finished."""
import base64
import os
import socket
import struct
import sys

host, port = sys.argv[1], int(sys.argv[2])
stream = socket.create_connection(("127.0.0.1", port), timeout=15)
key = base64.b64encode(os.urandom(16)).decode()
stream.sendall(f"GET /_stcore/stream HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: streamlit\r\n"
               f"Origin: http://{host}:{port}\r\n\r\n".encode())
received = stream.makefile("rb")
status = received.readline().decode().strip()
if " 101 " not in status:
    sys.exit(f"no WebSocket: {status}")
while received.readline().strip():
    pass
while True:
    first, length = received.read(2)
    if length >= 126:
        length = struct.unpack(">H" if length == 126 else ">Q", received.read(2 if length == 126 else 8))[0]
    data = received.read(length).decode()
    if first & 0x0F == 1:
        print(data)
        if '"finished"' in data:
            break
    elif first & 0x0F == 8:
        sys.exit("the stream was closed")
