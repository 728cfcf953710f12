// Writes to databases without a pause, over the private network and through the TCP proxies of the edge, each writer one number
// after another, and remembers which were acknowledged.
//
//   writers.js SOCKET SERVER DATABASES     SERVER: who knows the databases' names
//
// DATABASES: [{name, kind, host, port, password, publicPort}].  A number that was sent and not acknowledged may be there or
// not: it is sent again until that is known.  On SOCKET: `GET /check?untouched=Postgres+private&…` waits until each writer had a
// write acknowledged that began after the question, then reads back: 200 with figures, or 500 with what is wrong, which is
// also a connection of those named that broke since the last question, and what the probes (prober.js) found.
const dns = require('dns');
const http = require('http');
const { Postgres, MariaDb, Redis } = require('./clients');
const Prober = require('./prober');

const WRITERS = 2; // of each way
const PAUSE_MS = 2;
const BACK_MS = 90000;
const kinds = { postgres: Postgres, mariadb: MariaDb, redis: Redis };
const [socket, server, list] = process.argv.slice(2);
const resolver = new dns.promises.Resolver({ timeout: 500, tries: 1 });
resolver.setServers([server]);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

class Writer {
  constructor(way, name) {
    Object.assign(this, { way, name, sent: 0, acknowledged: 0, foundThere: 0, lastBegan: 0, problem: '' });
    this.unsure = 0; // the number that was sent and not acknowledged
  }

  take(n, began) {
    this.acknowledged = n;
    this.lastBegan = began;
    this.unsure = 0;
  }

  // The next number, until the connection breaks.
  async writeTo(client) {
    const n = this.acknowledged + 1, began = Date.now();
    this.sent = n;
    try {
      await client.write(this.name, n);
      this.take(n, began);
    } catch (error) {
      if (error.isThere && this.unsure !== n) this.way.wrong = `${n} of ${this.name} was there before it was sent`;
      if (error.isThere) this.foundThere++;
      if (error.isThere) this.take(n, began);
      else this.unsure = n;
      throw error;
    }
  }

  async writeOn() {
    for (;;) {
      let client = null;
      try {
        client = await this.way.open();
        await client.prepare(this.name);
        for (;; await sleep(PAUSE_MS)) await this.writeTo(client);
      } catch (error) {
        this.problem = error.message;
        if (client && !error.isThere && !error.isSilent) this.way.broken.push(`${new Date().toISOString()} ${error.message}`);
        client?.wire.end(error);
        await sleep(50);
      }
    }
  }

  async since(since) {
    while (this.lastBegan < since) {
      if (Date.now() > since + BACK_MS) throw new Error(`${this.name} had nothing acknowledged for ${seconds(BACK_MS)}: ${this.problem}`);
      await sleep(10);
    }
    return Date.now() - since;
  }

  // `before`: what was acknowledged before `row` was read.
  compare(before, row = { total: 0, count: 0, first: 0, last: 0 }) {
    const { total, count, first, last } = row, told = `${this.name}: ${count} numbers from ${first} to ${last}, tally ${total}`;
    if (last < before || count < before) throw new Error(`${told}: ${Math.max(before - count, before - last)} of ${before} acknowledged are lost`);
    if (last > this.sent) throw new Error(`${told}: only ${this.sent} were sent`);
    if (count && (first !== 1 || last !== count)) throw new Error(`${told}: not in order`);
    if (total !== count) throw new Error(`${told}: a half of a transaction, or one twice`);
  }
}

// One way into one database.
class Way {
  constructor(options, through) {
    Object.assign(this, { options, through, name: `${options.name} ${through}`, broken: [], wrong: '' });
    this.writers = Array.from({ length: WRITERS }, (_, i) => new Writer(this, `${options.kind}-${through}-${i + 1}`));
  }

  async at() {
    if (this.through === 'edge') return { host: '127.0.0.1', port: this.options.publicPort };
    const [host] = await resolver.resolve4(this.options.host);
    return { host, port: this.options.port };
  }

  async open() {
    const client = new kinds[this.options.kind]();
    const at = await this.at();
    try {
      await client.connect({ ...at, password: this.options.password });
    } catch (error) {
      client.wire?.end(error);
      throw error;
    }
    return client;
  }

  async figures() {
    for (const end = Date.now() + BACK_MS; ; await sleep(100)) {
      try {
        const client = await this.open();
        const figures = await client.figures();
        client.wire.end(new Error('done'));
        return figures;
      } catch (error) {
        if (Date.now() > end) throw error;
      }
    }
  }

  async check(since, untouched) {
    const back = Math.max(...await Promise.all(this.writers.map((writer) => writer.since(since))));
    const broken = this.broken.splice(0), before = this.writers.map((writer) => writer.acknowledged);
    const there = await this.figures();
    this.writers.forEach((writer, i) => writer.compare(before[i], there.get(writer.name)));
    if (this.wrong) throw new Error(this.wrong);
    if (untouched.includes(this.name) && broken.length) throw new Error(`${this.name}: ${broken.length} connections broke: ${broken[0]}`);
    const found = this.writers.reduce((sum, writer) => sum + writer.foundThere, 0);
    return `${this.name}: ${before.reduce((a, b) => a + b)} acknowledged, 0 lost, ${found} unsure ones were there, `
      + `${broken.length} connections broke, all write again after ${seconds(back)}`;
  }
}

const databases = JSON.parse(list);
const ways = databases.flatMap((options) => [new Way(options, 'private'), new Way(options, 'edge')]);
const probers = databases.map((options) => new Prober(options));
for (const way of ways) for (const writer of way.writers) writer.writeOn();
for (const prober of probers) prober.run();

http.createServer(async (request, response) => {
  const since = Date.now(), untouched = new URL(request.url, 'http://writers').searchParams.getAll('untouched');
  const results = await Promise.allSettled([...ways.map((way) => way.check(since, untouched)), ...probers.map((prober) => prober.check(since))]);
  response.statusCode = results.every((one) => one.status === 'fulfilled') ? 200 : 500;
  response.end(results.map((one) => `${one.value || `FAILED ${one.reason.message}`}\n`).join(''));
}).listen(socket);
