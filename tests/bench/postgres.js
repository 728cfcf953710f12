// A Postgres of ours, over the private network and through its TCP proxy, beside the same program on the host: with the
// same settings for memory and checkpoints, without archive, control groups and namespaces.  pgbench, in turns.
const { execFileSync } = require('child_process');
const fs = require('fs');
const { env, sleep, median, tram, row, run } = require('./lib');

const ROUNDS = Number(env.BENCH_POSTGRES_ROUNDS || 3);
const SECONDS = Number(env.BENCH_POSTGRES_SECONDS || 3);
const VERSION = '15'; // what Debian 12 has, on the host and in the image
const SCALE = 10; // 160 MB, and as much again while it is filled
const BIN = `/usr/lib/postgresql/${VERSION}/bin`, PORT = 7850 + 10 * Number(env.BENCH_SLOT || 0);
const folder = `${env.BENCH_WORK}/shop`, data = `${env.BENCH_WORK}/postgres`;
const ALIKE = ['shared_buffers', 'work_mem', 'maintenance_work_mem', 'effective_cache_size', 'max_wal_size', 'min_wal_size',
  'max_connections', 'checkpoint_timeout', 'random_page_cost', 'effective_io_concurrency', 'wal_compression', 'wal_buffers', 'synchronous_commit'];

const text = (program, args) => execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' });
const asPostgres = (program, ...args) => text('runuser', ['-u', 'postgres', '--', `${BIN}/${program}`, ...args]);
const inside = (service, ...args) => tram(['ssh', '-s', service, '--', ...args], folder);

async function untilUp(service) {
  for (let i = 0; i < 600; i++) {
    try {
      return inside(service, 'psql', '-U', 'postgres', '-c', 'select 1');
    } catch {
      await sleep(500);
    }
  }
  throw new Error(`${service} does not come up`);
}

async function startOurs() {
  fs.mkdirSync(folder);
  tram(['link', '-p', 'bench', '-e', 'production'], folder);
  for (const name of ['Postgres', 'client']) tram(['add', '--database', 'postgres', '--image', `tramway/postgres:${VERSION}`, '--name', name, '--size', '2GB'], folder);
  for (const name of ['Postgres', 'client']) await untilUp(name);
  tram(['tcp-proxy', 'create', '-s', 'Postgres', '--port', '5432'], folder);
  const variables = Object.fromEntries(tram(['variables', '-s', 'Postgres', '--kv'], folder).split('\n').map((line) => [line.split('=')[0], line.slice(line.indexOf('=') + 1)]));
  return { near: `${variables.DATABASE_URL}?sslmode=disable`, far: `${variables.DATABASE_PUBLIC_URL}?sslmode=disable` };
}

function startBare() {
  const query = `select string_agg(name || '=' || current_setting(name), ';') from pg_settings where name in ('${ALIKE.join("','")}')`;
  const settings = inside('Postgres', 'psql', '-U', 'postgres', '-XAtc', query).trim().split(';');
  fs.chmodSync(env.BENCH_WORK, 0o711);
  fs.mkdirSync(data);
  text('chown', ['postgres', data]);
  asPostgres('initdb', '-D', data, '-U', 'postgres', '--data-checksums', '--auth=trust');
  fs.appendFileSync(`${data}/postgresql.conf`, settings.map((one) => `${one.replace('=', " = '")}'\n`).join(''));
  asPostgres('pg_ctl', '-D', data, '-w', '-l', `${data}/log`, '-o', `-p ${PORT} -c listen_addresses=127.0.0.1 -c unix_socket_directories=`, 'start');
  return `postgresql://postgres@127.0.0.1:${PORT}/postgres?sslmode=disable`;
}

function bench(run, url, ...args) {
  const said = run(['-n', '-c', '4', '-j', '1', '-T', String(SECONDS), ...args, url]);
  return Number(/tps = ([\d.]+)/.exec(said)[1]);
}

run(async () => {
  const { near, far } = await startOurs();
  const bare = startBare();
  const here = (args) => text(`${BIN}/pgbench`, args), there = (args) => inside('client', 'pgbench', ...args);
  try {
    here(['-i', '-q', '-s', String(SCALE), far]);
    here(['-i', '-q', '-s', String(SCALE), bare]);
    for (const [what, ...args] of [['reading', '-S'], ['writing']]) {
      const tps = { near: [], far: [], bare: [] };
      for (let i = 0; i < ROUNDS; i++) {
        tps.near.push(bench(there, near, ...args));
        tps.bare.push(bench(here, bare, ...args));
        tps.far.push(bench(here, far, ...args));
      }
      const ratio = (list) => `${median(list.map((one, i) => one / tps.bare[i])).toFixed(2)} x`;
      row(`Postgres, ${what}: private network beside the bare host`, ratio(tps.near));
      row('  through the TCP proxy', ratio(tps.far));
      row('  transactions/s: network, proxy, bare', `${median(tps.near).toFixed(0)}, ${median(tps.far).toFixed(0)}, ${median(tps.bare).toFixed(0)}`);
    }
  } finally {
    asPostgres('pg_ctl', '-D', data, '-m', 'immediate', 'stop');
  }
});
