// Redeploys and rollbacks in a row under load.
const { sleep, UNFINISHED } = require('./world');

const DRAINED_MS = 120000; // the bound of a drain, and room for a busy machine

async function oldOnesGone(world) {
  for (const end = Date.now() + DRAINED_MS; ; await sleep(200)) {
    const unfinished = (await world.deployments()).filter((d) => UNFINISHED.includes(d.status));
    if (!unfinished.length) return [];
    if (Date.now() > end) return unfinished.map((d) => `${d.id} is still ${d.status} after ${DRAINED_MS / 1000} s`);
  }
}

async function run(world, load, table, { redeploys, rollbacks, pick }) {
  const made = [];
  const problems = [];
  let at = (await world.deployments())[0].id;
  const times = [];
  const step = async (make) => {
    const started = performance.now();
    try {
      at = await make();
      made.push(at);
      await world.live(at);
      times.push(performance.now() - started);
    } catch (error) {
      problems.push(error.message);
    }
  };
  const before = await load.ask('summary');
  for (let i = 0; i < redeploys; i++) await step(() => world.redeploy(at));
  for (let i = 0; i < rollbacks; i++) {
    const earlier = made.filter((id) => id !== at);
    await step(() => world.rollback(earlier.length ? earlier[pick(earlier.length)] : at));
  }
  problems.push(...await oldOnesGone(world));
  const after = await load.ask('summary');
  const failures = await load.newFailures();
  times.sort((a, b) => a - b);
  table.note(`${redeploys} redeploys, ${rollbacks} rollbacks: median ${Math.round(times[times.length >> 1])} ms, slowest ${Math.round(times.at(-1))} ms`);
  table.row('load: deployments that went live', redeploys + rollbacks, times.length, problems);
  table.row('load: requests that failed', 0, failures.filter((f) => !f.what.startsWith('WebSocket')).length, failures.map(load.tell));
  table.row('load: WebSockets broken', 0, after.sockets.broken - before.sockets.broken);
  table.row('load: WebSockets not reopened at the first try', 0, after.sockets.failedOpens - before.sockets.failedOpens);
  table.note(`${after.requests - before.requests} requests, slowest ${Math.round(after.slowestMs)} ms; ${after.sockets.reconnects - before.sockets.reconnects} WebSockets ended `
    + `in order and opened again, slowest after ${Math.round(after.sockets.slowestReconnectMs)} ms; ${after.sockets.open} are open`);
  return made;
}

module.exports = { run, oldOnesGone };
