// HAProxy is killed: that costs the connections it held, and it is back within a second.
const { sleep, nowUs, isAlive } = require('./world');

const BACK_LIMIT_MS = 30000;
const SEEN_LATE_US = 500000; // the load is another process, and sees what broke when it gets to it

// The pids of its master and its worker.
async function pidsOf(world) {
  const info = await world.haproxy('show info');
  return [world.haproxyMaster(), Number(/^Pid: (\d+)$/m.exec(info)[1])];
}

// Gives when, in wall clock µs, a new connection had its answer, and not from one of those that are to end.
async function back(world, pids) {
  for (const end = Date.now() + BACK_LIMIT_MS; Date.now() < end; await sleep(5)) {
    if (pids.some(isAlive)) continue;
    if ((await world.visit(world.host, 1000))?.status === 200) return nowUs();
  }
  return Infinity;
}

async function run(world, load, table, { edgeKills, edgeBackMs, pick }) {
  const times = [], unexpected = [];
  let cost = 0, late = 0;
  await load.newFailures();
  for (let i = 0; i < edgeKills; i++) {
    await sleep(300 + pick(1500));
    const pids = await pidsOf(world);
    const killedUs = nowUs();
    process.kill(pids[i % 2], 'SIGKILL');
    const backUs = await back(world, pids);
    times.push((backUs - killedUs) / 1000);
    if (backUs - killedUs > edgeBackMs * 1000) late++;
    await sleep(4000); // longer than the slowest request that was open
    for (const failure of await load.newFailures()) {
      if (failure.from <= backUs + SEEN_LATE_US && failure.until >= killedUs) cost++;
      else unexpected.push(`kill ${i + 1} at ${new Date(killedUs / 1000).toISOString()}, back after ${times.at(-1)} ms: ${load.tell(failure)}`);
    }
  }
  const { sockets } = await load.ask('summary');
  times.sort((a, b) => a - b);
  table.note(`${edgeKills} kills of HAProxy, master and worker in turn: back after ${Math.round(times[times.length >> 1])} ms (median), `
    + `${Math.round(times.at(-1))} ms (slowest); ${cost} requests and WebSockets were on it or came while it was away`);
  table.row(`edge: kills after which it was away for more than ${edgeBackMs} ms`, 0, late, times.map((ms) => `${Math.round(ms)} ms`));
  table.row('edge: failures that no kill explains', 0, unexpected.length, unexpected);
  table.row('edge: WebSockets open', load.sockets, sockets.open);
}

module.exports = { run };
