"""A stand-in for Streamlit: as much of it as a small page and the platform below it meet.

A script calls title(), table(), … ; each call is a row.  For every browser the server runs the script
anew and sends its rows over the WebSocket /_stcore/stream, as JSON, ended by {"kind": "finished"}; a
message from the browser runs it again.
"""
import argparse
import asyncio
import contextvars
import json
import runpy
import signal
import traceback

import tornado.web
import tornado.websocket

_rows = contextvars.ContextVar("rows")  # of the run that is under way

PAGE = """<!doctype html><meta charset="utf-8"><title>Signals</title>
<style>body{font:17px/1.6 system-ui,sans-serif;max-width:44em;margin:8vh auto;padding:0 1em}
td,th{padding:.2em 1em;border-bottom:1px solid #ccc;text-align:left}.error{color:#b00}</style>
<main id="rows">Connecting…</main>
<script>
const rows = document.getElementById("rows");
const tags = {title: "h1", header: "h2", caption: "small", write: "p", error: "p"};
function table(records) {
  const element = document.createElement("table"), names = Object.keys(records[0] || {});
  const line = (cells, tag) => {
    const row = element.insertRow();
    for (const cell of cells) row.appendChild(document.createElement(tag)).textContent = cell;
  };
  line(names, "th");
  for (const record of records) line(names.map(name => record[name]), "td");
  return element;
}
function show(row) {
  if (row.kind === "started") return rows.replaceChildren();
  if (row.kind === "finished") return;
  const element = row.kind === "table" ? table(row.value) : document.createElement(tags[row.kind]);
  if (row.kind !== "table") element.textContent = row.value;
  element.className = row.kind;
  rows.appendChild(element);
}
const scheme = location.protocol === "https:" ? "wss:" : "ws:";
const stream = new WebSocket(`${scheme}//${location.host}/_stcore/stream`);
stream.onmessage = event => show(JSON.parse(event.data));
stream.onclose = () => { document.title = "Connection lost"; };
</script>
"""


# ---- what scripts call ----


def _add(kind, value):
    _rows.get().append({"kind": kind, "value": value})


def title(text):
    _add("title", str(text))


def header(text):
    _add("header", str(text))


def caption(text):
    _add("caption", str(text))


def write(value):
    _add("write", str(value))


def error(text):
    _add("error", str(text))


def table(records):
    _add("table", list(records))


# ---- the server ----


def run_script(path):
    """Its rows; what it raises is one of them."""
    rows = []
    token = _rows.set(rows)
    try:
        runpy.run_path(path, run_name="__main__")
    except Exception:  # pylint: disable=broad-except
        traceback.print_exc()
        error("The script failed: see its log")
    finally:
        _rows.reset(token)
    return rows


class Page(tornado.web.RequestHandler):
    def get(self):
        self.write(PAGE)


class Health(tornado.web.RequestHandler):
    def get(self):
        self.write("ok")


class Stream(tornado.websocket.WebSocketHandler):
    def select_subprotocol(self, subprotocols):
        return "streamlit" if "streamlit" in subprotocols else None

    async def open(self, *args, **kwargs):
        await self.send_rows()

    async def on_message(self, message):
        await self.send_rows()

    async def send_rows(self):
        script = self.application.settings["script"]
        rows = await asyncio.get_running_loop().run_in_executor(None, run_script, script)
        try:
            for row in [{"kind": "started"}, *rows, {"kind": "finished"}]:
                await self.write_message(json.dumps(row))
        except tornado.websocket.WebSocketClosedError:
            pass


async def serve(script, address, port):
    routes = [("/", Page), ("/_stcore/health", Health), ("/_stcore/stream", Stream)]
    tornado.web.Application(routes, script=script, websocket_ping_interval=30).listen(port, address)
    print(f"You can now view your Streamlit app in your browser. URL: http://{address}:{port}", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def main():
    parser = argparse.ArgumentParser(prog="streamlit")
    run = parser.add_subparsers(required=True).add_parser("run")
    run.add_argument("script")
    run.add_argument("--server.port", dest="port", type=int, default=8501)
    run.add_argument("--server.address", dest="address", default="localhost")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.script, arguments.address, arguments.port))
