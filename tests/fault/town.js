// What the fault runs share: the API, visitors all the time, deploys, and what there is on the machine.
// The environment comes from tests/fault/lib.sh.
const fs = require('fs');
const http = require('http');
const { execFileSync } = require('child_process');
const env = process.env;
const { API, TOKEN, PROJECT, ENVIRONMENT, SERVICE, HOST, WORK, RUN, NAME } = env;
const [PID, EDGE_PORT] = [env.PID, env.EDGE_PORT].map(Number);
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
const LIST = 'query($i:DeploymentListInput!){deployments(input:$i,first:20){edges{node{id status statusReason}}}}';
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
let all = null;
const beginVisits = () => { all = [false, new http.Agent({ keepAlive: true })].map(visitor); };
async function endVisits() { visiting = false; await Promise.all(all); }

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
    mounts: fs.readFileSync(`/proc/${PID}/mounts`, 'utf8').split('\n').filter((line) => line.includes(`${RUN}/`) || line.includes(`${data}/`)),
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
  const { newest, live: now } = await ended(Date.now() + 60000);
  if (!now || now.id === live || newest.id !== now.id) throw new Error(`a deploy without a fault: ${JSON.stringify(newest)}`);
  return now.id;
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

// What differs from `before` when it has had `ms` to settle; told once: `before` follows.
async function leftOver(before, ms) {
  for (const until = Date.now() + ms; ;) {
    const left = difference(before, inventory());
    if (left.length && Date.now() > until) Object.assign(before, inventory());
    if (!left.length || Date.now() > until) return left.map((text) => `left over: ${text}`);
    await sleep(50);
  }
}

const normal = (text) => text.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID').replace(/[0-9a-f]{64}/g, 'HASH').replace(/[0-9a-f]{32}/g, 'NAME')
  .replaceAll(WORK, 'W').replaceAll(RUN, 'R').replace(/\.new-[A-Za-z0-9]{6}/g, '.new-XXXXXX');

// After a deploy with a fault: how it ended, and all that is wrong with that.  `says` judges the error.
async function judge({ newest, live, all: unsettled }, former, refused, before, settleMs, says) {
  const problems = [];
  let outcome = 'live', message = '', now = live;
  if (!live) {
    outcome = 'HANGS';
    problems.push(`not settled: ${JSON.stringify(unsettled)}`);
    for (const d of unsettled.slice(1)) stuck.add(d.id);
    now = unsettled.find((d) => d.status === 'SUCCESS');
  } else if (live.id === former.live) {
    outcome = newest.id !== former.newest ? 'failed' : 'refused';
    message = outcome === 'failed' ? newest.statusReason || '' : refused;
    if (!says(message)) problems.push(`the error does not say it: '${message}'`);
  }
  if (visits.failed.length) problems.push(`${visits.failed.length} requests failed: ${visits.failed[0]}`);
  problems.push(...await leftOver(before, settleMs));
  if (!fs.existsSync(`/proc/${PID}/exe`)) throw new Error('tramd has ended');
  await visit(false);
  if (live && visits.last !== live.id) problems.push(`${visits.last} serves, ${live.id} should`);
  return { outcome, message: normal(message), problems, live: now ? now.id : former.live, newest: newest ? newest.id : former.newest };
}

module.exports = {
  beginVisits, deployments, endVisits, ended, inventory, judge, normal, plain, settledInventory, sleep, start, visits,
};
