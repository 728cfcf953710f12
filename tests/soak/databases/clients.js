// The least of three databases' clients that a writer needs: each connects, says what it has to, and tells when a write was
// acknowledged.  Own ones, so that what counts as acknowledged is in sight, and no package is needed.
//
// A write is a transaction of two parts: number n of a writer, which is a key, and one more in the writer's tally.  One that
// was done before fails with `isThere`.  `figures` gives, of each writer, how many numbers there are, from where to where, and
// the tally, all of one moment.
const crypto = require('crypto');
const net = require('net');

const CONNECT_MS = 3000;

// Bytes as they arrive, and who waits for the next message of them.
class Wire {
  constructor({ host, port }, parse) {
    this.parse = parse;
    this.buffer = Buffer.alloc(0);
    this.messages = [];
    this.error = null;
    this.socket = net.connect({ host, port, noDelay: true });
    this.socket.setTimeout(CONNECT_MS);
    this.socket.on('timeout', () => this.end(Object.assign(new Error('silent'), { isSilent: true })));
    this.socket.on('error', (error) => this.end(error));
    this.socket.on('close', () => this.end(new Error('closed')));
    this.socket.on('data', (data) => {
      this.buffer = Buffer.concat([this.buffer, data]);
      for (let found; (found = this.parse(this.buffer)); this.wake()) {
        this.messages.push(found.message);
        this.buffer = this.buffer.subarray(found.length);
      }
    });
  }

  end(error) {
    this.error ||= error;
    this.socket.destroy();
    this.wake();
  }

  wake() {
    if (this.waiting && (this.messages.length || this.error)) this.waiting();
  }

  async next() {
    if (!this.messages.length && !this.error) await new Promise((resolve) => { this.waiting = resolve; });
    this.waiting = null;
    if (this.messages.length) return this.messages.shift();
    throw this.error;
  }
}

// ---- Postgres: protocol 3, SCRAM-SHA-256 ------------------------------------------------------------

const hmac = (key, text) => crypto.createHmac('sha256', key).update(text).digest();
const xor = (a, b) => Buffer.from(a.map((byte, i) => byte ^ b[i]));

class Postgres {
  async connect(at) {
    this.wire = new Wire(at, (b) => (b.length >= 5 && b.length >= 1 + b.readUInt32BE(1)
      ? { length: 1 + b.readUInt32BE(1), message: { type: String.fromCharCode(b[0]), body: b.subarray(5, 1 + b.readUInt32BE(1)) } } : null));
    const startup = Buffer.from('\0\x03\0\0user\0postgres\0database\0postgres\0\0', 'latin1');
    this.send('', startup);
    await this.expect('R');
    const nonce = crypto.randomBytes(18).toString('base64');
    const first = `n=,r=${nonce}`;
    const initial = Buffer.from(`n,,${first}`);
    this.send('p', Buffer.concat([Buffer.from('SCRAM-SHA-256\0'), int(initial.length), initial]));
    const challenge = (await this.expect('R')).subarray(4).toString();
    const [, serverNonce, salt, rounds] = /^r=([^,]*),s=([^,]*),i=(\d+)/.exec(challenge);
    const salted = crypto.pbkdf2Sync(at.password, Buffer.from(salt, 'base64'), Number(rounds), 32, 'sha256');
    const clientKey = hmac(salted, 'Client Key');
    const stored = crypto.createHash('sha256').update(clientKey).digest();
    const final = `c=biws,r=${serverNonce}`;
    const proof = xor(clientKey, hmac(stored, `${first},${challenge},${final}`)).toString('base64');
    this.send('p', Buffer.from(`${final},p=${proof}`));
    await this.ready();
  }

  send(type, body) {
    this.wire.socket.write(Buffer.concat([Buffer.from(type), int(body.length + 4), body]));
  }

  async expect(type) {
    const message = await this.wire.next();
    if (message.type === 'E') throw postgresError(message.body);
    if (message.type !== type) throw new Error(`'${message.type}' instead of '${type}'`);
    return message.body;
  }

  // The first column of the rows, until the server is ready.
  async ready() {
    const rows = [];
    for (;;) {
      const { type, body } = await this.wire.next();
      if (type === 'E') throw postgresError(body);
      if (type === 'D') rows.push(body.subarray(6).toString());
      if (type === 'Z') return rows;
    }
  }

  async ask(sql) {
    this.send('Q', Buffer.from(`${sql}\0`));
    return this.ready();
  }

  async prepare(writer) {
    await this.ask('create table if not exists written (writer text, n bigint, primary key (writer, n))');
    await this.ask('create table if not exists tally (writer text primary key, total bigint)');
    await this.ask(`insert into tally values ('${writer}', 0) on conflict do nothing`);
  }

  async write(writer, n) {
    for (const sql of writeSql('', writer, n)) await this.ask(sql);
  }

  async figures() {
    return readFigures(await this.ask(figuresSql('')));
  }
}

function postgresError(body) {
  return Object.assign(new Error(body.toString().replace(/\0./g, ' ')), { isThere: body.includes('\0C23505\0') });
}

// ---- SQL -------------------------------------------------------------------------------------------

const writeSql = (schema, writer, n) => ['begin', `insert into ${schema}written values ('${writer}', ${n})`,
  `update ${schema}tally set total = total + 1 where writer = '${writer}'`, 'commit'];

const figuresSql = (schema) => `select concat_ws(' ', t.writer, t.total, count(n), min(n), max(n))
  from ${schema}tally t left join ${schema}written w on w.writer = t.writer group by t.writer, t.total`;

// Lines "writer total count min max", without the last two where there is nothing.
function readFigures(lines) {
  return new Map(lines.map((line) => {
    const [writer, total, count, first = 0, last = 0] = line.split(' ');
    return [writer, { total: Number(total), count: Number(count), first: Number(first), last: Number(last) }];
  }));
}

function int(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

// ---- MariaDB: protocol 10, mysql_native_password ----------------------------------------------------

const sha1 = (...parts) => parts.reduce((hash, part) => hash.update(part), crypto.createHash('sha1')).digest();

class MariaDb {
  async connect(at) {
    this.wire = new Wire(at, (b) => (b.length >= 4 && b.length >= 4 + b.readUIntLE(0, 3)
      ? { length: 4 + b.readUIntLE(0, 3), message: { number: b[3], body: b.subarray(4, 4 + b.readUIntLE(0, 3)) } } : null));
    const hello = (await this.wire.next()).body;
    if (hello[0] === 0xff) throw new Error(hello.subarray(3).toString());
    const at1 = hello.indexOf(0, 1) + 5; // behind version and connection id
    const salt = Buffer.concat([hello.subarray(at1, at1 + 8), hello.subarray(at1 + 27, at1 + 39)]);
    const once = sha1(at.password);
    const token = xor(once, sha1(salt, sha1(once)));
    const head = Buffer.alloc(32);
    head.writeUInt32LE(0x00088209); // long password, protocol 4.1, secure connection, plugin auth, connect with db
    head.writeUInt32LE(1 << 24, 4);
    head[8] = 45; // utf8mb4
    this.number = 1;
    this.send(Buffer.concat([head, Buffer.from('root\0'), Buffer.from([token.length]), token, Buffer.from('mysql\0mysql_native_password\0')]));
    await this.ok();
  }

  send(body) {
    const head = Buffer.alloc(4);
    head.writeUIntLE(body.length, 0, 3);
    head[3] = this.number;
    this.wire.socket.write(Buffer.concat([head, body]));
  }

  async ok() {
    const { body } = await this.wire.next();
    if (body[0] === 0xff) throw Object.assign(new Error(body.subarray(3).toString()), { isThere: body.readUInt16LE(1) === 1062 });
    return body;
  }

  async ask(sql) {
    this.number = 0;
    this.send(Buffer.concat([Buffer.from([3]), Buffer.from(sql)]));
    const first = await this.ok();
    if (first[0] === 0) return [];
    for (let columns = first[0]; columns >= 0; columns--) await this.ok(); // and the end of them
    const rows = [];
    for (;;) {
      const body = await this.ok();
      if (body[0] === 0xfe && body.length < 9) return rows;
      rows.push(body.subarray(1).toString());
    }
  }

  async prepare(writer) {
    await this.ask('create database if not exists soak');
    await this.ask('create table if not exists soak.written (writer varchar(40), n bigint, primary key (writer, n))');
    await this.ask('create table if not exists soak.tally (writer varchar(40) primary key, total bigint)');
    await this.ask(`insert ignore into soak.tally values ('${writer}', 0)`);
  }

  async write(writer, n) {
    for (const sql of writeSql('soak.', writer, n)) await this.ask(sql);
  }

  async figures() {
    return readFigures(await this.ask(figuresSql('soak.')));
  }
}

// ---- Redis ------------------------------------------------------------------------------------------

class Redis {
  async connect(at) {
    this.wire = new Wire(at, parseReply);
    await this.ask('AUTH', at.password);
  }

  async ask(...words) {
    this.wire.socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`);
    const reply = await this.wire.next();
    if (reply instanceof Error) throw reply;
    return reply;
  }

  prepare(writer) { return this.ask('SADD', 'writers', writer); }

  async write(writer, n) {
    const script = "if redis.call('ZADD', KEYS[1], 'NX', ARGV[1], ARGV[1]) == 0 then return 0 end return redis.call('INCR', KEYS[2])";
    if (await this.ask('EVAL', script, '2', `written:${writer}`, `tally:${writer}`, String(n)) === '0')
      throw Object.assign(new Error('it is there'), { isThere: true });
  }

  async figures() {
    const script = `local lines = {}
      for i, w in ipairs(redis.call('SMEMBERS', 'writers')) do
        local key, line = 'written:' .. w, { w, redis.call('GET', 'tally:' .. w) or 0, redis.call('ZCARD', 'written:' .. w) }
        line[4] = redis.call('ZRANGE', key, 0, 0)[1] or 0
        line[5] = redis.call('ZRANGE', key, -1, -1)[1] or 0
        lines[i] = table.concat(line, ' ')
      end
      return lines`;
    return readFigures(await this.ask('EVAL', script, '0'));
  }
}

function parseReply(b, from = 0) {
  const end = b.indexOf('\r\n', from);
  if (end < 0) return null;
  const line = b.toString('utf8', from + 1, end);
  const done = (message, to) => ({ message, length: to - from });
  switch (b[from]) {
    case 0x2b: case 0x3a: return done(line, end + 2);
    case 0x2d: return done(new Error(line), end + 2);
    case 0x24: {
      const to = end + 2 + Number(line);
      return b.length >= to + 2 ? done(b.toString('utf8', end + 2, to), to + 2) : null;
    }
    default: {
      const items = [];
      let at = end + 2;
      for (let i = 0; i < Number(line); i++) {
        const item = parseReply(b, at);
        if (!item) return null;
        items.push(item.message);
        at += item.length;
      }
      return done(items, at);
    }
  }
}

module.exports = { Postgres, MariaDb, Redis };
