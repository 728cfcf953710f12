// The load: a process of its own, told what to do by messages from its parent (soak.js).
//
// The rate is held open-loop: a request starts when its time has come, however many are open.  A request is
// tried once; whatever is not the whole and right answer is a failure.  Times are microseconds of the wall clock.
const WebSocket = require('ws');
const { Connection } = require('./http');
const { random } = require('./random');

const TICK_MS = 10;
const ANSWER_MS = 30000; // a request without an answer after that has failed
const IDLE_MAX_MS = 20000; // shorter than the edge's keep-alive, so that closing never meets asking
const UPLOAD_BYTES = 1 << 20;
const SOCKET_OPEN_MS = 10000;
const SOCKET_PING_MS = 500;
const SOCKET_SILENT_MS = 10000;
const FAILURES_MAX = 10000;

const [portText, host, rateText, socketsText, seedText] = process.argv.slice(2);
const port = Number(portText);
const pick = random(Number(seedText));
const nowUs = () => Math.round((performance.timeOrigin + performance.now()) * 1000);

// ---- what has happened ---------------------------------------------------------------------------

const deployments = []; // ids; a record holds the place
const numbers = new Map();
const records = { from: [], until: [], deployment: [], failed: [] };
const failures = [];
const sockets = { opened: 0, ended: {}, broken: 0, failedOpens: 0, reconnects: 0, slowestReconnectMs: 0 };
const kinds = {};
const idle = []; // connections that wait for a request, the one used last at the end
let idleEnds = 0, open = 0, sent = 0, latest = '', running = true, slowestMs = 0, lateTicks = 0;

function numberOf(id) {
  if (!numbers.has(id)) {
    numbers.set(id, deployments.length);
    deployments.push(id);
  }
  return numbers.get(id);
}

function fail(failure) {
  if (failures.length < FAILURES_MAX) failures.push(failure);
}

function record(from, until, deployment, failed) {
  records.from.push(from);
  records.until.push(until);
  records.deployment.push(numberOf(deployment));
  records.failed.push(failed);
  slowestMs = Math.max(slowestMs, (until - from) / 1000);
}

// ---- requests ------------------------------------------------------------------------------------

function makeUpload(bytes) {
  const body = Buffer.alloc(bytes);
  let sum = 0;
  for (let i = 0; i < bytes; i++) {
    body[i] = pick(256);
    sum = (sum + Math.imul(body[i], i + 1)) >>> 0;
  }
  return { body, sum };
}
const uploads = Array.from({ length: 4 }, () => makeUpload(UPLOAD_BYTES));
const small = makeUpload(5);

// In each thousand requests: how many of a kind, and whether it goes on a connection that is kept.
// The slow ones are bound to meet a switch; both that wait with everything and that wait with the body.
const mix = [
  { kind: 'kept', weight: 638, keep: true },
  { kind: 'fresh', weight: 330 },
  { kind: 'slow', weight: 4, keep: true, query: () => `&wait=${1000 + pick(2000)}` },
  { kind: 'slow body', weight: 4, query: () => `&drip=${1000 + pick(2000)}` },
  { kind: 'small upload', weight: 20, keep: true, upload: () => small },
  { kind: 'upload', weight: 4, keep: true, upload: () => uploads[pick(uploads.length)] },
];

function choose() {
  let at = pick(1000);
  return mix.find((kind) => (at -= kind.weight) < 0);
}

function takeConnection(keep) {
  if (!keep) return new Connection(port, () => {});
  return idle.pop() || new Connection(port, (connection) => {
    const at = idle.indexOf(connection);
    if (at >= 0) idle.splice(at, 1);
    idleEnds++;
  });
}

function check(answer, id, upload) {
  if (answer.status !== 200) return `status ${answer.status}: ${answer.body.toString('utf8', 0, 120)}`;
  const expected = `${id} ${answer.headers['x-deployment']} ${upload ? upload.body.length : 0} ${upload ? upload.sum : 0}`;
  return answer.body.toString() === expected ? '' : `the body is '${answer.body}' instead of '${expected}'`;
}

async function request() {
  const { kind, keep, query, upload: chooseUpload } = choose();
  const id = `r${++sent}`;
  const upload = chooseUpload?.();
  const head = `${upload ? 'POST' : 'GET'} /?id=${id}${query ? query() : ''} HTTP/1.1\r\nHost: ${host}\r\n`
    + `${upload ? `Content-Length: ${upload.body.length}\r\n` : ''}${keep ? '' : 'Connection: close\r\n'}\r\n`;
  const from = nowUs();
  const connection = takeConnection(keep);
  let problem, deployment = '';
  kinds[kind] = (kinds[kind] || 0) + 1;
  open++;
  try {
    const answer = await connection.ask(upload ? [head, upload.body] : [head], ANSWER_MS);
    deployment = answer.headers['x-deployment'] || '';
    problem = check(answer, id, upload);
  } catch (error) {
    problem = error.message;
  }
  open--;
  const until = nowUs();
  record(from, until, deployment, problem ? 1 : 0);
  if (problem) fail({ what: kind, id, from, until, deployment: deployment || `none; latest ${latest}`, problem });
  else latest = deployment;
  if (connection.ended) return;
  connection.idleSince = until;
  if (keep) idle.push(connection);
  else connection.socket.destroy();
}

function dropOld() {
  const old = nowUs() - IDLE_MAX_MS * 1000;
  while (idle.length && idle[0].idleSince < old) {
    const connection = idle.shift();
    connection.ended = true;
    connection.socket.destroy();
  }
}

const rate = Number(rateText);
let due = 0, last = performance.now();
function tick() {
  const now = performance.now();
  if (now - last > 200) lateTicks++;
  due += ((now - last) / 1000) * rate;
  last = now;
  for (; due >= 1 && running; due--) request();
  dropOld();
}

// ---- WebSockets ----------------------------------------------------------------------------------

// Opens one and keeps one open: ended by the app, it is opened again at once, and that must succeed at the first try.
function keepSocket(number, endedUs) {
  const from = nowUs();
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { headers: { host }, handshakeTimeout: SOCKET_OPEN_MS, perMessageDeflate: false });
  let deployment = '', opened = false, sentTexts = 0, timer, heardUs = 0, error = '';
  socket.on('upgrade', (response) => { deployment = response.headers['x-deployment'] || ''; });
  const ask = () => {
    if (nowUs() - heardUs > SOCKET_SILENT_MS * 1000) {
      error = `silent for ${SOCKET_SILENT_MS} ms`;
      socket.terminate();
    } else if (socket.readyState === WebSocket.OPEN) {
      socket.send(`s${number}.${++sentTexts}`);
    }
  };
  socket.on('open', () => {
    opened = true;
    sockets.opened++;
    heardUs = nowUs();
    if (endedUs) {
      sockets.reconnects++;
      sockets.slowestReconnectMs = Math.max(sockets.slowestReconnectMs, (nowUs() - endedUs) / 1000);
    }
    timer = setInterval(ask, SOCKET_PING_MS);
    ask();
  });
  let heard = 0;
  socket.on('message', (text) => {
    const expected = `s${number}.${++heard} ${deployment.slice(0, 8)}`;
    heardUs = nowUs();
    if (String(text) !== expected) error = `it said '${text}' instead of '${expected}'`;
  });
  socket.on('error', (e) => { error ||= e.message; });
  socket.on('close', (code) => {
    clearInterval(timer);
    if (!running) return;
    const until = nowUs();
    const inOrder = opened && !error && (code === 1001 || code === 1000);
    sockets.ended[code] = (sockets.ended[code] || 0) + 1;
    if (!opened) sockets.failedOpens++;
    else if (!inOrder) sockets.broken++;
    if (!inOrder) {
      fail({ what: opened ? 'WebSocket' : 'WebSocket opening', id: `s${number}`, from: opened ? until : from, until,
        deployment: deployment || `none; latest ${latest}`, problem: error || `it ended with ${code}` });
    }
    // What could not even be opened is counted once; the pause keeps a broken edge from being hammered.
    if (opened) keepSocket(number, until);
    else setTimeout(() => running && keepSocket(number, 0), 200);
  });
  keepSocket.all[number] = socket;
}
keepSocket.all = [];

// ---- what the parent asks ------------------------------------------------------------------------

// Requests that were wholly inside the time, and those that overlap it.
function count({ from, until }) {
  const result = { inside: 0, overlapping: 0, failedInside: 0, failedOverlapping: 0 };
  for (let i = 0; i < records.from.length; i++) {
    if (records.until[i] < from || records.from[i] > until) continue;
    const inside = records.from[i] >= from && records.until[i] <= until;
    result.overlapping++;
    result.failedOverlapping += records.failed[i];
    if (!inside) continue;
    result.inside++;
    result.failedInside += records.failed[i];
  }
  return result;
}

function summary() {
  const failed = records.failed.reduce((sum, one) => sum + one, 0);
  return { requests: records.from.length, failed, open, kinds, slowestMs,
    lateTicks, idleEnds, deployments: deployments.length, latest, sockets: { ...sockets, open: keepSocket.all.filter((s) => s.readyState === WebSocket.OPEN).length } };
}

async function stop() {
  clearInterval(ticker);
  running = false;
  while (open) await new Promise((resolve) => setTimeout(resolve, 10));
  for (const socket of keepSocket.all) socket.terminate();
  for (const connection of idle.splice(0)) connection.socket.destroy();
  return summary();
}

// `failures` gives those since `after`, an index; the answer's length is the next one.
const commands = {
  summary,
  count,
  stop,
  failures: ({ after }) => failures.slice(after),
};
process.on('message', async ({ number, command, argument }) => {
  process.send({ number, result: await commands[command](argument || {}) });
  if (command === 'stop') process.disconnect();
});
process.on('disconnect', () => process.exit(0));

const ticker = setInterval(tick, TICK_MS);
for (let i = 0; i < Number(socketsText); i++) keepSocket(i, 0);
