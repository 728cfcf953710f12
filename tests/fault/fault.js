// Makes the nth system call of a deploy fail, for one n after the other, and judges each time: no
// visitor's request failed, the old deployment serves on (or the new one, when tramd got over it), the
// error says what failed, nothing is left over, tramd runs, and deploys without a fault succeed.
const fs = require('fs');
const http = require('http');
const { execFileSync, spawn } = require('child_process');
const env = process.env;
const { API, TOKEN, PROJECT, ENVIRONMENT, SERVICE, HOST, WORK, RUN, NAME, INJECT } = env;
const [PID, API_PORT, EDGE_PORT] = [env.PID, env.API_PORT, env.EDGE_PORT].map(Number);
const KINDS = (env.FAULT_KINDS || 'up image').split(' ');
const [FIRST, EVERY, LAST] = [env.FAULT_FIRST || 1, env.FAULT_EVERY || 1, env.FAULT_LAST || 100000].map(Number);
const END_MS = 45000, SETTLE_MS = 30000;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// ---- the API ----

const keep = new http.Agent({ keepAlive: true, maxSockets: 1 });
function call(method, path, type, body) {
  return new Promise((resolve, reject) => {
    const request = http.request(`${API}${path}`, {
      method, agent: keep, headers: { authorization: `Bearer ${TOKEN}`, 'content-type': type, 'content-length': body.length },
    }, (response) => {
      let text = '';
      response.on('data', (data) => { text += data; });
      response.on('end', () => {
        try { resolve(JSON.parse(text)); } catch { reject(new Error(`answered ${response.statusCode}: ${text}`)); }
      });
    });
    request.on('error', reject);
    request.setTimeout(20000, () => request.destroy(new Error('no answer within 20 s')));
    request.end(body);
  });
}
async function graphql(query, variables) {
  const answer = await call('POST', '/graphql/v2', 'application/json', Buffer.from(JSON.stringify({ query, variables })));
  if (answer.errors) throw new Error(answer.errors[0].message);
  return answer.data;
}
const LIST = 'query($i:DeploymentListInput!){deployments(input:$i,first:4){edges{node{id status statusReason}}}}';
async function deployments() { // the newest first
  const data = await graphql(LIST, { i: { projectId: PROJECT, environmentId: ENVIRONMENT, serviceId: SERVICE } });
  return data.deployments.edges.map((edge) => edge.node);
}

// ---- the deploys ----

let stamp = 0;
const start = {
  // A changed folder: upload, snapshot, build, launch.
  async up() {
    fs.writeFileSync('stamp', `${process.pid} ${stamp++}\n`);
    const body = execFileSync('tar', ['-cz', 'Dockerfile', 'instant', 'stamp'], { maxBuffer: 1 << 26 });
    const answer = await call('POST', `/project/${PROJECT}/environment/${ENVIRONMENT}/up?serviceId=${SERVICE}`, 'application/gzip', body);
    if (!answer.deploymentId) throw new Error(answer.message || JSON.stringify(answer));
  },
  // The same image again.
  image: (live) => graphql('mutation($id:String!){deploymentRedeploy(id:$id,usePreviousImageTag:true){id}}', { id: live }),
};
const FINAL = ['FAILED', 'REMOVED', 'CRASHED', 'SKIPPED'];

// ---- visitors ----

const visits = { sent: 0, failed: [], last: '' };
function visit(agent) {
  return new Promise((resolve) => {
    const fail = (why) => { visits.failed.push(why); resolve(); };
    visits.sent++;
    const request = http.get({ host: '127.0.0.1', port: EDGE_PORT, headers: { host: HOST }, agent }, (response) => {
      let body = '';
      response.on('data', (data) => { body += data; });
      response.on('end', () => {
        if (response.statusCode !== 200) return fail(`status ${response.statusCode}`);
        visits.last = body;
        resolve();
      });
    });
    request.on('error', (error) => fail(error.message));
    request.setTimeout(10000, () => request.destroy(new Error('no answer within 10 s')));
  });
}
let visiting = true;
async function visitor(agent) {
  while (visiting) { await visit(agent); await sleep(10); }
}

// ---- what is there ----

const list = (folder) => { try { return fs.readdirSync(folder); } catch { return []; } };
function groups(folder, depth) {
  return list(folder).flatMap((name) => {
    const path = `${folder}/${name}`;
    if (!fs.lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return [];
    const mine = path.includes(`/${NAME}/`) || path.includes('/tramway-builds/') ? [path] : [];
    return depth ? [...mine, ...groups(path, depth - 1)] : mine;
  });
}
// Of an installation with one live instance each number is the same after each deploy.
function inventory() {
  const processes = list('/proc').filter((name) => /^\d+$/.test(name)).map((pid) => {
    try { return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '); } catch { return ''; }
  });
  const data = `${WORK}/data`;
  const of = {
    mounts: fs.readFileSync('/proc/mounts', 'utf8').split('\n').filter((line) => line.includes(`${RUN}/`) || line.includes(`${data}/`)),
    links: execFileSync('ip', ['-o', 'link'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n').filter((line) => /: (tv|twe|twb)/.test(line) && (line.includes(env.LINKS) || line.includes(NAME) || line.includes(env.BUILD_TAG))),
    processes: processes.filter((line) => line.includes(`${RUN}/`) || line.includes(`${data}/`)),
    cgroups: groups('/sys/fs/cgroup', 3).filter((path) => path.includes(`/${NAME}/`) || path.includes(env.BUILD_TAG.slice(4))),
    children: list('/proc').filter((name) => /^\d+$/.test(name)).filter((pid) => {
      try { return Number(/\) . (\d+)/.exec(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))[1]) === PID; } catch { return false; }
    }),
    open_files: list(`/proc/${PID}/fd`).map((fd) => { try { return fs.readlinkSync(`/proc/${PID}/fd/${fd}`); } catch { return ''; } })
      .filter((path) => !path.startsWith('socket:') && !path.includes('.log')),
  };
  for (const folder of ['bundles', 'exits', 'crun', 'attach', 'l']) of[folder] = list(`${RUN}/${folder}`);
  for (const folder of ['builds', 'uploads', 'engine/instances', 'engine/workloads']) of[folder] = list(`${data}/${folder}`);
  of.half_snapshots = list(`${data}/snapshots`).filter((name) => !/^([0-9a-f]{64}|\.new-gone-.*)$/.test(name));
  of.half_files = ['', 'engine', 'logs', 'logs/build'].flatMap((f) => list(`${data}/${f}`).filter((n) => /\.[A-Za-z0-9]{6}$/.test(n)));
  return of;
}
const ELASTIC = ['open_files']; // may vary by a few
function difference(before, now) {
  return Object.keys(now).filter((key) => Math.abs(now[key].length - before[key].length) > (ELASTIC.includes(key) ? 6 : 0))
    .map((key) => `${key}: ${before[key].length} before, now ${now[key].length} (${now[key].slice(0, 8).join(' ').slice(0, 200)})`);
}

// ---- one deploy ----

const stuck = new Set(); // reported once

// Waits until the newest deployment has ended and nothing else is on its way.
async function ended(deadline) {
  for (;;) {
    let all = [];
    try { all = (await deployments()).filter((d) => !stuck.has(d.id)); } catch { /* the fault may have hit this very question */ }
    const live = all.filter((d) => d.status === 'SUCCESS');
    if (live.length === 1 && all.every((d) => d === live[0] || FINAL.includes(d.status))) return { newest: all[0], live: live[0] };
    if (Date.now() > deadline) return { newest: all[0], live: null, all: all.filter((d) => !FINAL.includes(d.status)) };
    await sleep(30);
  }
}

async function plain(kind, live) {
  await start[kind](live);
  const { newest, live: now } = await ended(Date.now() + END_MS);
  if (!now || now.id === live || newest.id !== now.id) throw new Error(`a deploy without a fault: ${JSON.stringify(newest)}`);
  return now.id;
}

function injector(args) {
  const child = spawn(INJECT, ['--pid', `${PID}`, '--skip-port', `${API_PORT}`, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  const gone = new Promise((resolve) => child.on('exit', resolve));
  const ready = new Promise((resolve) => child.stdout.on('data', (data) => {
    text += data;
    if (text.includes('ready\n')) resolve();
  }));
  return {
    ready: Promise.race([ready, gone.then(() => { throw new Error('the injector ended'); })]),
    async end() { child.kill('SIGTERM'); await gone; return text.split('\n').filter((line) => /^\d/.test(line)); },
  };
}

const WORDS = {
  ENOSPC: /No space left|disk is full|no space/i, EIO: /Input\/output error|disk I\/O error|database disk image is malformed/i, EMFILE: /Too many open files|unable to open/i,
  ENOMEM: /Cannot allocate memory|out of memory/i, EAGAIN: /Resource temporarily unavailable/i, EBUSY: /busy/i, EPIPE: /Broken pipe/i,
  ECONNREFUSED: /Connection refused/i, ECONNRESET: /Connection reset/i,
};
// Whether the message names the error, and what it was in.
const says = (message, fault) => (WORDS[fault.error] || /./).test(message) && message.length > 20;

const normal = (text) => text.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID').replace(/[0-9a-f]{64}/g, 'HASH').replaceAll(WORK, 'W').replaceAll(RUN, 'R')
  .replace(/(\.[A-Za-z0-9]{6})$/, '.XXXXXX');

async function one(kind, n, live, before) {
  const problems = [];
  visits.failed = [];
  const fault = injector(['--fail', `${n}`, ...(env.FAULT_SECOND ? ['--second'] : [])]);
  await fault.ready;
  let refused = '';
  try { await start[kind](live); } catch (error) { refused = error.message; }
  const end = await ended(Date.now() + END_MS);
  let left = [];
  for (const until = Date.now() + SETTLE_MS; ;) {
    left = difference(before, inventory());
    if (!left.length || Date.now() > until) break;
    await sleep(50);
  }
  const hit = /^(\d+) (\S+) (\S+) (.*)$/.exec((await fault.end())[0] || '');
  if (!fs.existsSync(`/proc/${PID}/exe`)) throw new Error(`tramd ended at ${n}: ${hit}`);
  const what = hit ? { call: hit[2], error: hit[3], target: normal(hit[4]) } : null;
  const newest = end.newest || {};
  const made = newest.id !== live;
  let outcome = 'live', message = '';
  if (!end.live) {
    outcome = 'HANGS';
    problems.push(`not settled: ${JSON.stringify(end.all)}`);
    for (const d of end.all.slice(1)) stuck.add(d.id);
    end.live = end.all.find((d) => d.status === 'SUCCESS') || null;
  } else if (end.live.id === live) {
    outcome = made ? 'failed' : 'refused';
    message = made ? newest.statusReason || '' : refused;
    if (what && !says(message, what)) problems.push(`the error does not say it: '${message}'`);
    if (!what) problems.push(`failed without a fault: '${message}'`);
  }
  if (visits.failed.length) problems.push(`${visits.failed.length} requests failed: ${visits.failed[0]}`);
  problems.push(...left.map((text) => `left over: ${text}`));
  if (left.length) Object.assign(before, inventory()); // told once
  await visit(false);
  if (end.live && visits.last !== end.live.id) problems.push(`${visits.last} serves, ${end.live.id} should`);
  return { n, what, outcome, message: normal(message), problems, live: end.live ? end.live.id : live };
}

async function settledInventory() {
  let last = inventory();
  for (let same = 0; same < 10;) {
    await sleep(100);
    const now = inventory();
    same = difference(last, now).length ? 0 : same + 1;
    last = now;
  }
  return last;
}

async function sweep(kind, summary) {
  let live = await plain(kind, (await ended(Date.now() + END_MS)).live.id);
  const before = await settledInventory();
  console.log(`# ${kind}: ${Object.entries(before).map(([key, value]) => `${key} ${value.length}`).join(', ')}`);
  let beyond = 0, since = 0; // refused and failed ones since the last deploy without a fault
  for (let n = FIRST; n <= LAST && beyond < 3; n += EVERY) {
    const result = await one(kind, n, live, before);
    live = result.live;
    if (!result.what) { beyond++; if (!result.problems.length) continue; } else beyond = 0;
    summary.push({ kind, ...result });
    const { what } = result;
    console.log(`${kind} ${n}: ${what ? `${what.call} ${what.target} ${what.error}` : 'no fault'}: ${result.outcome}${result.message ? `: ${result.message}` : ''}`);
    for (const problem of result.problems) console.log(`  PROBLEM ${problem}`);
    if (result.outcome !== 'live' && (result.problems.length || ++since >= 5)) {
      since = 0;
      try { live = await plain(kind, live); } catch (error) { console.log(`  PROBLEM ${error.message}`); result.problems.push(error.message); summary.at(-1).problems = result.problems; }
    }
  }
}

async function main() {
  const agents = [false, new http.Agent({ keepAlive: true })];
  const visitors = agents.map(visitor);
  const summary = [];
  for (const kind of KINDS) await sweep(kind, summary);
  visiting = false;
  await Promise.all(visitors);
  for (const kind of KINDS) {
    const mine = summary.filter((r) => r.kind === kind);
    const count = (outcome) => mine.filter((r) => r.outcome === outcome).length;
    console.log(`# ${kind}: ${mine.length} calls failed: ${count('live')} deploys live in spite of it, ${count('failed')} failed, ${count('refused')} refused, ${mine.filter((r) => r.problems.length).length} with problems`);
  }
  console.log(`# ${visits.sent} requests of visitors`);
  if (summary.some((r) => r.problems.length)) process.exit(1);
}
main().then(() => process.exit(0), (error) => { console.log(`PROBLEM ${error.stack}`); process.exit(1); });
