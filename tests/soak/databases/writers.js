// Writes to three databases without a pause, each writer one number after another, and remembers which were acknowledged.
//
//   writers.js SOCKET SERVER DATABASES     SERVER: who knows the databases' names; DATABASES: [{name, kind, host, port, password}]
//
// On SOCKET: `GET /check` waits until each database has acknowledged a write that began after the question, then reads all
// numbers back: 200 with figures, or 500 with what is lost.  A number that was sent and not acknowledged may be there or not.
const dns = require('dns');
const http = require('http');
const { Postgres, MariaDb, Redis } = require('./clients');

const WRITERS = 3; // of each database
const PAUSE_MS = 2;
const BACK_MS = 90000;
const kinds = { postgres: Postgres, mariadb: MariaDb, redis: Redis };
const [socket, server, list] = process.argv.slice(2);
const resolver = new dns.promises.Resolver({ timeout: 500, tries: 1 });
resolver.setServers([server]);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

class Database {
  constructor(options) {
    this.options = options;
    this.acknowledged = [];
    this.lastBegan = 0; // of the newest acknowledged write
    this.sent = 0;
    this.problem = '';
  }

  async open() {
    const [host] = await resolver.resolve4(this.options.host);
    const client = new kinds[this.options.kind]();
    try {
      await client.connect({ ...this.options, host });
      await client.prepare();
    } catch (error) {
      client.wire?.end(error);
      throw error;
    }
    return client;
  }

  async writeOn() {
    for (;;) {
      let client = null;
      try {
        client = await this.open();
        for (;; await sleep(PAUSE_MS)) {
          const n = ++this.sent, began = Date.now();
          await client.write(n);
          this.acknowledged.push(n);
          this.lastBegan = Math.max(this.lastBegan, began);
        }
      } catch (error) {
        this.problem = error.message;
        client?.wire.end(error);
        await sleep(50);
      }
    }
  }

  async readBack() {
    for (const end = Date.now() + BACK_MS; ; await sleep(100)) {
      try {
        const client = await this.open();
        const all = await client.all();
        client.wire.end(new Error('done'));
        return new Set(all);
      } catch (error) {
        if (Date.now() > end) throw error;
      }
    }
  }

  async check(since) {
    const { name } = this.options;
    while (this.lastBegan < since) {
      if (Date.now() > since + BACK_MS) throw new Error(`${name} has acknowledged nothing for ${BACK_MS / 1000} s: ${this.problem}`);
      await sleep(10);
    }
    const back = Date.now() - since;
    const acknowledged = this.acknowledged.slice();
    const there = await this.readBack();
    const lost = acknowledged.filter((n) => !there.has(n));
    if (lost.length) throw new Error(`${name} has lost ${lost.length} of ${acknowledged.length} acknowledged writes: ${lost.slice(0, 10)} …`);
    const strange = [...there].filter((n) => n > this.sent);
    if (strange.length) throw new Error(`${name} has what nobody wrote: ${strange.slice(0, 10)}`);
    return `${name} ${acknowledged.length} acknowledged, 0 lost, writes again after ${(back / 1000).toFixed(1)} s`;
  }
}

const databases = JSON.parse(list).map((options) => new Database(options));
for (const database of databases)
  for (let i = 0; i < WRITERS; i++) database.writeOn();

http.createServer(async (request, response) => {
  const since = Date.now();
  const results = await Promise.allSettled(databases.map((database) => database.check(since)));
  response.statusCode = results.every((one) => one.status === 'fulfilled') ? 200 : 500;
  response.end(`${results.map((one) => one.value || one.reason.message).join('; ')}\n`);
}).listen(socket);
