// Requests/s and p99 through the edge (the product's own configuration) beside a bare HAProxy that does nothing but
// route by host: same server behind both, same threads, in turns.  Once as it is day in, day out, and once as during a
// cutover, when every request gets a line in the access log.
const { execFileSync, spawn } = require('child_process');
const fs = require('fs');
const { env, sleep, median, get, row, run } = require('./lib');

const work = `${env.BENCH_WORK}/edge`;
const ROUNDS = Number(env.BENCH_EDGE_ROUNDS || 7);
const SECONDS = Number(env.BENCH_EDGE_SECONDS || 2);
const CONNECTIONS = 32;
const FIRST_PORT = 7800 + 10 * Number(env.BENCH_SLOT || 0);
const APP = FIRST_PORT, EDGE = FIRST_PORT + 1, BARE = FIRST_PORT + 2;

const limits = 'defaults\n  mode http\n  timeout client 5m\n  timeout server 5m\n  timeout connect 3s\n';
const app = `global\n  nbthread 1\n  maxconn 9000\n${limits}frontend app\n  bind 127.0.0.1:${APP}
  http-request return status 200 content-type text/plain string "Hello, world"\n`;

function bare(domains) {
  const all = Array.from({ length: domains }, (_, i) => i);
  fs.writeFileSync(`${work}/bare.map`, all.map((i) => `app-${i}.example.com b${i}\n`).join(''));
  return `global\n  maxconn 4000\n${limits}frontend bare\n  bind 127.0.0.1:${BARE}
  use_backend %[req.hdr(host),lower,map(${work}/bare.map)]\n${all.map((i) => `backend b${i}\n  server a 127.0.0.1:${APP}\n`).join('')}`;
}

// In a session of its own, as ours is: where the kernel shares the processor among sessions (sched_autogroup), a busy
// machine would serve the one that shares wrk's otherwise than the other.
function startHaproxy(name, config) {
  fs.writeFileSync(`${work}/${name}.cfg`, config);
  return spawn('haproxy', ['-db', '-f', `${work}/${name}.cfg`], { stdio: 'ignore', detached: true });
}

// The real edge with as many routes, by the program edge_routes.
function startEdge(domains, logged) {
  const folder = `${work}/${domains}-${logged}`;
  fs.mkdirSync(folder);
  return spawn(`${env.BENCH_BUILD}/tests/bench/edge_routes`, [folder, `127.0.0.1:${EDGE}`, domains, '127.0.0.1', APP, logged], { stdio: ['pipe', 'ignore', 'inherit'] });
}

async function untilServed(port) {
  for (let i = 0; i < 600; i++) {
    if ((await get('app-0.example.com', port)).status === 200) return;
    await sleep(50);
  }
  throw new Error(`nothing answers on port ${port}`);
}

function worker(domains, logged) {
  const master = fs.readFileSync(`${work}/${domains}-${logged}/edge/haproxy.pid`, 'utf8').trim();
  return fs.readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').trim().split(' ')[0];
}

function cpuMs(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10; // clock ticks of 10 ms
}

const MS = { us: 0.001, ms: 1, s: 1000 };

function load(port, pid, domains) {
  const before = cpuMs(pid);
  const text = execFileSync('wrk', ['-t1', `-c${CONNECTIONS}`, `-d${SECONDS}s`, '--latency', '-s', `${__dirname}/domains.lua`, `http://127.0.0.1:${port}/`],
    { env: { ...env, DOMAINS: domains }, encoding: 'utf8' });
  const cpu = cpuMs(pid) - before;
  if (/Non-2xx|Socket errors/.test(text)) throw new Error(`errors under load: ${text}`);
  const [, p99, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(text);
  const requests = Number(/(\d+) requests in/.exec(text)[1]);
  return { rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)[1]), p99: p99 * MS[unit], cpu: (cpu * 1000) / requests };
}

async function compare(domains, logged) {
  const children = [startHaproxy('app', app), startHaproxy('bare', bare(domains))], edge = startEdge(domains, logged);
  const ours = [], theirs = [];
  try {
    await untilServed(BARE);
    await untilServed(EDGE);
    const pid = worker(domains, logged);
    for (let i = -1; i < ROUNDS; i++) {
      const our = load(EDGE, pid, domains), their = load(BARE, children[1].pid, domains);
      if (i >= 0) { ours.push(our); theirs.push(their); } // the first round warms up
    }
  } finally {
    const ended = new Promise((resolve) => { edge.on('exit', resolve); });
    edge.stdin.end();
    await ended;
    children.forEach((child) => child.kill());
  }
  const of = (list, key) => median(list.map((one) => one[key]));
  return { edge: { rate: of(ours, 'rate'), p99: of(ours, 'p99'), cpu: of(ours, 'cpu') }, bare: { rate: of(theirs, 'rate'), p99: of(theirs, 'p99'), cpu: of(theirs, 'cpu') },
    ratio: median(ours.map((our, i) => our.rate / theirs[i].rate)) };
}

run(async () => {
  fs.mkdirSync(work);
  const rates = {};
  for (const [domains, logged] of [[10, 'some'], [10000, 'some'], [10, 'all'], [10000, 'all']]) {
    const { edge, bare: plain, ratio } = await compare(domains, logged);
    const daily = logged === 'some';
    if (daily) rates[domains] = edge.rate;
    row(`edge: requests/s beside a bare HAProxy, ${domains} domains${daily ? '' : ', during a cutover'}`, `${ratio.toFixed(2)} x`,
      daily ? { must: '>= 0.9 x', aim: '>= 0.98 x', verdict: ratio >= 0.9 } : {});
    row('  requests/s, edge and bare', `${edge.rate.toFixed(0)}, ${plain.rate.toFixed(0)}`);
    row('  p99, edge and bare', `${edge.p99.toFixed(1)}, ${plain.p99.toFixed(1)} ms`);
    row('  CPU of HAProxy per request, edge and bare', `${edge.cpu.toFixed(1)}, ${plain.cpu.toFixed(1)} us`);
  }
  row('edge: 10,000 domains beside 10', `${(rates[10000] / rates[10]).toFixed(2)} x`, { aim: 'flat' });
});
