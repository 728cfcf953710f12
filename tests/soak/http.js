// A strict HTTP/1.1 client for one exchange at a time on a connection: nothing is tried again, and whatever
// is not a whole, correct answer is an error with its words.
const net = require('net');

const HEAD_MAX = 64 * 1024;

class Connection {
  constructor(port, onIdleEnd) {
    this.socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
    this.buffer = Buffer.alloc(0);
    this.exchange = null; // {resolve, reject, head}
    this.uses = 0;
    this.idleSince = 0;
    this.ended = false;
    this.socket.on('data', (data) => this.take(data));
    this.socket.on('end', () => this.end('the connection was ended'));
    this.socket.on('error', (error) => this.end(error.code || error.message));
    this.socket.on('close', () => this.end('the connection was closed'));
    this.onIdleEnd = onIdleEnd;
  }

  // Sends the request and gives {status, headers, body}.
  ask(request, timeoutMs) {
    return new Promise((resolve, reject) => {
      this.uses++;
      this.exchange = { resolve, reject, head: null };
      this.timer = setTimeout(() => this.end(`no answer within ${timeoutMs} ms`), timeoutMs);
      if (this.ended) this.end('the connection was closed');
      else for (const part of request) this.socket.write(part);
    });
  }

  end(why) {
    const { exchange } = this;
    const wasIdle = !exchange && !this.ended;
    this.ended = true;
    this.exchange = null;
    clearTimeout(this.timer);
    this.socket.destroy();
    if (exchange) {
      const after = exchange.head ? 'in the middle of the body' : this.buffer.length ? 'in the middle of the head' : 'before any answer';
      exchange.reject(new Error(`${why} ${after}${this.uses > 1 ? ' (connection kept alive)' : ' (fresh connection)'}`));
    } else if (wasIdle) {
      this.onIdleEnd(this);
    }
  }

  take(data) {
    this.buffer = this.buffer.length ? Buffer.concat([this.buffer, data]) : data;
    const { exchange } = this;
    if (!exchange) {
      this.end('data that nobody asked for');
      return;
    }
    if (!exchange.head && !this.takeHead(exchange)) return;
    const { head } = exchange;
    if (this.buffer.length < head.length) return;
    const body = this.buffer.subarray(0, head.length);
    this.buffer = this.buffer.subarray(head.length);
    clearTimeout(this.timer);
    this.exchange = null;
    if (head.headers.connection === 'close') this.ended = true;
    exchange.resolve({ status: head.status, headers: head.headers, body });
    if (this.ended) this.socket.destroy();
  }

  takeHead(exchange) {
    const at = this.buffer.indexOf('\r\n\r\n');
    if (at < 0) {
      if (this.buffer.length > HEAD_MAX) this.end('an endless head');
      return false;
    }
    const [first, ...lines] = this.buffer.toString('latin1', 0, at).split('\r\n');
    this.buffer = this.buffer.subarray(at + 4);
    const headers = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]);
    const length = Number(headers['content-length']);
    if (!status || !Number.isInteger(length)) {
      this.end(`an answer that cannot be read: '${first}'`);
      return false;
    }
    exchange.head = { status, headers, length };
    return true;
  }
}

module.exports = { Connection };
