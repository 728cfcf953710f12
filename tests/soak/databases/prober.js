// Looks at the public port of one database all the time: who is not on its allow list never gets a byte, nobody listens on an
// address that is not to be listened on, and what answers is that database and no other.
const net = require('net');

const ALLOWED = '127.0.0.1', DENIED = '127.0.0.2', NOT_LISTENED_ON = '127.0.0.3';
const PATIENCE_MS = 500;
const BACK_MS = 90000;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// In turn: to Postgres the first asks whether it has TLS, answered 'S' or 'N'; Redis answers the second, that it needs a
// password; MariaDB speaks first.
const HELLOS = [Buffer.from('\0\0\0\x08\x04\xd2\x16\x2f', 'latin1'), Buffer.from('PING\r\n')];
function whoSays(answer) {
  const first = String.fromCharCode(answer[0]);
  if (first === 'S' || first === 'N') return 'postgres';
  if (first === '-') return 'redis';
  return answer.length > 4 && answer[3] === 0 && (answer[4] === 10 || answer[4] === 0xff) ? 'mariadb' : `somebody who says ${answer.toString('hex')}`;
}

class Prober {
  constructor({ name, kind, publicPort }) {
    Object.assign(this, { name, kind, port: publicPort, asked: 0, denied: 0, wrong: [], awayMs: 0, lastUp: Date.now() });
  }

  // Gives { connected, answer }.
  ask(host, localAddress, hello) {
    return new Promise((resolve) => {
      const found = { connected: false, answer: null };
      const socket = net.connect({ host, port: this.port, localAddress });
      const end = () => { socket.destroy(); resolve(found); };
      socket.setTimeout(PATIENCE_MS, end);
      socket.on('connect', () => { found.connected = true; socket.write(hello); });
      socket.on('data', (data) => { found.answer ||= data; end(); });
      socket.on('error', () => {});
      socket.on('close', end);
    });
  }

  async askAllowed() {
    for (let i = 0; ; await sleep(50)) {
      const { answer } = await this.ask(ALLOWED, ALLOWED, HELLOS[i++ % 2]), now = Date.now();
      if (!answer) continue;
      const who = whoSays(answer);
      if (who !== this.kind) this.wrong.push(`its port led to ${who}`);
      this.awayMs = Math.max(this.awayMs, now - this.lastUp);
      this.lastUp = now;
      this.asked++;
    }
  }

  async askDenied() {
    for (let i = 0; ; await sleep(10)) {
      const { connected, answer } = await this.ask(ALLOWED, DENIED, HELLOS[i++ % 2]);
      if (answer) this.wrong.push(`${DENIED}, which is not allowed, was answered ${answer.toString('hex')}`);
      if (connected) this.denied++;
    }
  }

  async askElsewhere() {
    for (;; await sleep(20))
      if ((await this.ask(NOT_LISTENED_ON, ALLOWED, HELLOS[0])).connected) this.wrong.push(`it listened on ${NOT_LISTENED_ON}`);
  }

  run() {
    this.askAllowed();
    this.askDenied();
    this.askElsewhere();
  }

  async check(since) {
    while (this.lastUp < since) {
      if (Date.now() > since + BACK_MS) throw new Error(`${this.name}: nobody answers at its port`);
      await sleep(10);
    }
    const away = this.awayMs;
    this.awayMs = 0;
    if (this.wrong.length) throw new Error(`${this.name}: ${this.wrong[0]} (${this.wrong.length} times)`);
    return `${this.name}'s port: ${this.asked} answers, each its own; ${this.denied} denied ones, none let in; away for ${(away / 1000).toFixed(1)} s at most`;
  }
}

module.exports = Prober;
