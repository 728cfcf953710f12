// A volume: writing beside a plain folder of the host's same file system, in turns; how long its service is away
// when it is deployed; and a backup of what has not changed, beside restic by itself.
const { execFileSync } = require('child_process');
const fs = require('fs');
const { env, sleep, median, get, settled, redeploy, tram, upload, row, run } = require('./lib');

const ROUNDS = Number(env.BENCH_VOLUME_ROUNDS || 5);
const FILLED_MB = 200;
const folder = `${env.BENCH_WORK}/store`, plain = `${env.BENCH_WORK}/plain`, repository = `${env.BENCH_WORK}/repository`;

const text = (program, args, options) => execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options });
const inside = (...args) => Number(tram(['ssh', '-s', 'store', '--', '/disk', '/data', ...args], folder));
const outside = (...args) => Number(text(`${folder}/disk`, [plain, ...args]));

function prepare() {
  fs.mkdirSync(folder);
  fs.mkdirSync(plain);
  fs.copyFileSync(`${env.BENCH_APP}/instant`, `${folder}/instant`);
  text('gcc', ['-O2', '-static', '-o', `${folder}/disk`, `${__dirname}/disk.c`]);
  fs.writeFileSync(`${folder}/Dockerfile`, 'FROM scratch\nCOPY instant disk /\nCMD ["/instant"]\n');
  tram(['link', '-p', 'bench', '-e', 'production'], folder);
  tram(['service', 'new', 'store'], folder);
  tram(['volume', 'add', '-m', '/data', '-s', 'store', '--size', '1GB'], folder);
  tram(['up', '--ci', '-s', 'store'], folder);
}

function writing(what, unit, ...args) {
  const ours = [], theirs = [];
  for (let i = 0; i < ROUNDS; i++) {
    ours.push(inside(...args));
    theirs.push(outside(...args));
  }
  row(`volume: ${what}, beside a plain folder`, `${median(ours.map((our, i) => our / theirs[i])).toFixed(2)} x`);
  row('  volume and folder', `${median(ours).toFixed(0)}, ${median(theirs).toFixed(0)} ${unit}`);
}

// From the last answer of the former instance to the first of the next.
async function gap(service, host) {
  const id = await settled(service), before = (await get(host)).body;
  await redeploy(id);
  for (let last = performance.now(); ;) {
    const asked = performance.now(), { status, body } = await get(host);
    if (status === 200 && body !== before) return performance.now() - last;
    if (status === 200) last = asked;
    if (asked - last > 30000) throw new Error('no new version answers after 30 s');
    await sleep(1);
  }
}

const backups = () => JSON.parse(tram(['backup', 'list', '-s', 'store', '--json'], folder)).backups;

function timed(action) {
  const started = performance.now();
  action();
  return performance.now() - started;
}

function backing() {
  const bare = { env: { ...env, RESTIC_PASSWORD: 'bench', RESTIC_CACHE_DIR: `${env.BENCH_WORK}/restic-cache`, RESTIC_REPOSITORY: repository } };
  inside('fill', String(FILLED_MB));
  outside('fill', String(FILLED_MB));
  text('restic', ['init'], bare);
  const restic = () => timed(() => text('nice', ['-n', '19', 'ionice', '-c', '3', 'restic', 'backup', plain], bare)); // with ours' priority
  const create = () => timed(() => tram(['backup', 'create', '-s', 'store'], folder));
  const first = create(), bareFirst = restic(), ours = [], theirs = [];
  for (let i = 0; i < ROUNDS; i++) {
    ours.push(create());
    theirs.push(restic());
  }
  row(`backup of ${FILLED_MB} MB that have not changed, beside restic`, `${median(ours.map((our, i) => our / theirs[i])).toFixed(2)} x`);
  row('  backup and restic', `${median(ours).toFixed(0)}, ${median(theirs).toFixed(0)} ms`);
  row('  the first one', `${first.toFixed(0)}, ${bareFirst.toFixed(0)} ms`);
  row('  the service stood still, at most', `${Math.max(...backups().map((one) => one.pausedMs))} ms`);
}

run(async () => {
  prepare();
  const id = JSON.parse(tram(['service', 'list', '--json'], folder)).find((one) => one.serviceName === 'store').serviceId;
  const host = new URL(tram(['domain', '-s', 'store'], folder).split('\n')[0]).hostname;
  writing('4 KiB, each waited for', 'a second', 'sync', '1');
  writing('from front to end', 'MB/s', 'stream', '128');
  const gaps = [];
  for (let i = 0; i < ROUNDS; i++) gaps.push(await gap(id, host));
  row('service with a volume, away for a deployment, median', `${median(gaps).toFixed(0)} ms`);
  row(`  shortest, longest of ${ROUNDS}`, `${Math.min(...gaps).toFixed(0)}, ${Math.max(...gaps).toFixed(0)} ms`);
  backing();
  tram(['service', 'delete', '-s', 'store', '--yes'], folder);
});
