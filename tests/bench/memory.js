// What tramd takes in memory when 100 services run and nothing happens.
const fs = require('fs');
const { env, sleep, createService, upload, deleteServices, settled, row, run } = require('./lib');

const SERVICES = Number(env.BENCH_SERVICES || 100);
const AT_ONCE = 4;
const IDLE_MS = 35000; // tramd gives back what it does not need every 30 s

function smaps() {
  const text = fs.readFileSync(`/proc/${env.BENCH_TRAMD_PID}/smaps_rollup`, 'utf8');
  const mb = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)[1]) / 1024;
  return { rss: mb('Rss'), pss: mb('Pss'), own: mb('Anonymous') };
}

async function deployOne(name) {
  const id = await createService(name);
  await upload(id);
  await settled(id);
  return id;
}

run(async () => {
  const names = Array.from({ length: SERVICES }, (_, i) => `memory-${i}`);
  const ids = [];
  const started = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, async () => { while (names.length) ids.push(await deployOne(names.pop())); }));
  const seconds = (performance.now() - started) / 1000;
  await sleep(IDLE_MS);
  const { rss, pss, own } = smaps();
  row(`idle memory of tramd, ${SERVICES} services that run`, `${rss.toFixed(1)} MB`, { must: '<= 25 MB', aim: '<= 12 MB', verdict: rss <= 25 });
  row('  of it programs and libraries, mapped from files', `${(rss - own).toFixed(1)} MB`);
  row('  proportional share (PSS)', `${pss.toFixed(1)} MB`);
  row(`  deploying them, ${AT_ONCE} builds at a time`, `${seconds.toFixed(1)} s`);
  await deleteServices(ids);
});
