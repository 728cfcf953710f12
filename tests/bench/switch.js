// The switch to another deployment: alone beside `podman run` + nginx reload, in turns, and under load.
const { spawn } = require('child_process');
const http = require('http');
const readline = require('readline');
const { env, sleep, median, get, untilOther, settled, redeploy, rollback, row, run } = require('./lib');

const ROUNDS = Number(env.BENCH_ROUNDS || 20);
const PODMAN_ROUNDS = Number(env.BENCH_PODMAN_ROUNDS || 7);
const PAUSE_MS = 300; // the former instance's end is no part of the next round

// From the API's mutation, which is given the live deployment's id, to the first answer of the next.
async function switchOnce(mutate = redeploy) {
  const id = await settled(env.BENCH_SERVICE);
  await sleep(PAUSE_MS);
  const before = (await get(env.BENCH_HOST)).body;
  const started = performance.now();
  await mutate(id);
  await untilOther(env.BENCH_HOST, before);
  return performance.now() - started;
}

// What can be rolled back to is not the live one but one before.
let former;
async function rollbackOnce() {
  return switchOnce(async (id) => {
    const target = former;
    former = id;
    await rollback(target);
  });
}

// podman.js in a network and mounts of its own, which end with it.
function startPodman() {
  const child = spawn('unshare', ['--net', '--mount', 'node', `${__dirname}/podman.js`], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error('podman.js ended');
    return value;
  };
  return {
    ready: next,
    switchOnce: async () => { child.stdin.write('go\n'); return Number(await next()); },
    end: () => new Promise((resolve) => { child.on('exit', resolve); child.stdin.end(); }),
  };
}

async function compare() {
  const ours = [], theirs = [];
  const podman = startPodman();
  try {
    await podman.ready();
    for (let i = 0; i < PODMAN_ROUNDS; i++) {
      ours.push(await switchOnce());
      theirs.push(await podman.switchOnce());
    }
  } finally {
    await podman.end();
  }
  return { ours, theirs };
}

// Visitors who come with a new connection each, and some who keep theirs; counts what is not 200.
function startLoad() {
  const load = { served: 0, failed: 0, stop: false };
  const visit = async (agent) => {
    while (!load.stop) {
      const status = await new Promise((resolve) => {
        const request = http.get({ host: '127.0.0.1', port: env.BENCH_EDGE_PORT, headers: { host: env.BENCH_HOST }, agent }, (response) => {
          response.resume();
          response.on('end', () => resolve(response.statusCode));
          response.on('error', () => resolve(0));
        });
        request.on('error', () => resolve(0));
      });
      load.served++;
      if (status !== 200) load.failed++;
      await sleep(10);
    }
  };
  const kept = new http.Agent({ keepAlive: true });
  const all = [false, false, false, kept, kept, kept].map(visit);
  load.end = async () => { load.stop = true; await Promise.all(all); kept.destroy(); };
  return load;
}

run(async () => {
  const alone = [];
  for (let i = 0; i < ROUNDS; i++) alone.push(await switchOnce());
  const ms = median(alone);
  row('image ready -> first 200 through the edge, median', `${ms.toFixed(0)} ms`, { must: '<= 150 ms', aim: '<= 60 ms', verdict: ms <= 150 });
  row(`  fastest, slowest of ${ROUNDS}`, `${Math.min(...alone).toFixed(0)}, ${Math.max(...alone).toFixed(0)} ms`);

  try {
    const { ours, theirs } = await compare();
    const ratio = median(theirs) / median(ours);
    row(`  podman run + nginx reload, median of ${PODMAN_ROUNDS}`, `${median(theirs).toFixed(0)} ms`);
    row('  how much quicker, in turns with it', `${ratio.toFixed(1)} x`, { aim: '>= 5 x' });
  } catch (error) {
    row('  podman run + nginx reload', 'not measured', { aim: error.message });
  }

  const load = startLoad();
  const loaded = [];
  former = await settled(env.BENCH_SERVICE);
  await switchOnce();
  for (let i = 0; i < ROUNDS; i++) loaded.push(await rollbackOnce());
  await load.end();
  const rolled = median(loaded);
  row('rollback to a kept image, under load, median', `${rolled.toFixed(0)} ms`,
    { must: '<= 300 ms, 0 failed', aim: '<= 100 ms', verdict: rolled <= 300 && load.failed === 0 });
  row(`  failed of ${load.served} requests meanwhile`, `${load.failed}`);
});
