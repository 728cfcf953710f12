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

const SKEW_US = 20000; // between the edge's log line and the generator's having seen the answer, on a busy machine
const COUNTED_MS = 30000;

async function receiptOf(world, id) {
  for (const end = Date.now() + COUNTED_MS; ; await sleep(100)) {
    const { deployment } = await world.graphql('query($id:String!){deployment(id:$id){receipt{startedAt endedAt complete servedRequests failedRequests cutConnections}}}', { id });
    if (deployment.receipt?.servedRequests != null || Date.now() > end) return deployment.receipt;
  }
}

// A receipt counts what ended between two moments; the generator knows what was wholly in between, and what at all.
async function compareReceipt(world, load, id) {
  const receipt = await receiptOf(world, id);
  if (receipt?.servedRequests == null || !receipt.complete) return `${id}: its receipt is ${JSON.stringify(receipt)}`;
  const from = Date.parse(receipt.startedAt) * 1000, until = Date.parse(receipt.endedAt) * 1000 + 999;
  const inner = await load.ask('count', { from: from + SKEW_US, until: until - SKEW_US });
  const outer = await load.ask('count', { from: from - SKEW_US, until: until + SKEW_US });
  const right = receipt.servedRequests >= inner.inside - inner.failedInside && receipt.servedRequests <= outer.overlapping
    && receipt.failedRequests >= inner.failedInside && receipt.failedRequests <= outer.failedOverlapping && receipt.cutConnections === 0;
  return right ? receipt : `${id}: ${JSON.stringify(receipt)}; the generator: ${JSON.stringify({ inner, outer })}`;
}

async function compareReceipts(world, load, table, ids) {
  const compared = [];
  for (const id of ids) compared.push(await compareReceipt(world, load, id));
  const agreed = compared.filter((one) => typeof one === 'object');
  table.row('load: receipts that agree with the generator', ids.length, agreed.length, compared.filter((one) => typeof one === 'string'));
  const sum = (name) => agreed.reduce((total, receipt) => total + receipt[name], 0);
  table.note(`the receipts counted ${sum('servedRequests')} requests served, ${sum('failedRequests')} failed, ${sum('cutConnections')} connections cut`);
}

async function run(world, load, table, { redeploys, rollbacks, rate, pick }) {
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
  const beganMs = performance.now();
  for (let i = 0; i < redeploys; i++) await step(() => world.redeploy(at));
  for (let i = 0; i < rollbacks; i++) {
    const earlier = made.filter((id) => id !== at);
    await step(() => world.rollback(earlier.length ? earlier[pick(earlier.length)] : at));
  }
  problems.push(...await oldOnesGone(world));
  const after = await load.ask('summary');
  const perSecond = (after.requests - before.requests) / ((performance.now() - beganMs) / 1000);
  const failures = await load.newFailures();
  times.sort((a, b) => a - b);
  table.note(`${redeploys} redeploys, ${rollbacks} rollbacks: median ${Math.round(times[times.length >> 1])} ms, slowest ${Math.round(times.at(-1))} ms`);
  table.row('load: deployments that went live', redeploys + rollbacks, times.length, problems);
  table.row('load: requests that failed', 0, failures.filter((f) => !f.what.startsWith('WebSocket')).length, failures.map(load.tell));
  table.row('load: WebSockets broken', 0, after.sockets.broken - before.sockets.broken);
  table.row('load: WebSockets not reopened at the first try', 0, after.sockets.failedOpens - before.sockets.failedOpens);
  table.row(`load: requests per second are at least ${rate * 0.9}`, true, perSecond >= rate * 0.9);
  table.note(`${after.requests - before.requests} requests (${Math.round(perSecond)}/s), slowest ${Math.round(after.slowestMs)} ms; ${after.sockets.reconnects - before.sockets.reconnects} WebSockets ended `
    + `in order and opened again, slowest after ${Math.round(after.sockets.slowestReconnectMs)} ms; ${after.sockets.open} are open`);
  await compareReceipts(world, load, table, made);
}

module.exports = { run };
