// The driver of `make soak` (scripts/soak): an endless load, and below it deploys, kills of tramd, kills of HAProxy.
// Prints what was expected and what was seen; ends with 1 when they differ, and says how to repeat the run.
const { fork } = require('child_process');
const path = require('path');
const { World, sleep } = require('./world');
const { random } = require('./random');

const number = (name, otherwise) => Number(process.env[name] ?? otherwise);
const options = {
  seed: number('SOAK_SEED', Date.now() % 1000000),
  rate: number('SOAK_RATE', 550),
  sockets: number('SOAK_SOCKETS', 50),
  redeploys: number('SOAK_DEPLOYS', 200),
  rollbacks: number('SOAK_ROLLBACKS', 50),
  kills: number('SOAK_KILLS', 200),
  edgeKills: number('SOAK_EDGE_KILLS', 20),
  edgeBackMs: number('SOAK_EDGE_BACK_MS', 1000),
};

// The generator, asked by messages.
class Load {
  constructor(world) {
    this.child = fork(path.join(__dirname, 'generator.js'), [world.port, world.host, options.rate, options.sockets, options.seed].map(String));
    this.sockets = options.sockets;
    this.waiting = new Map();
    this.next = 0;
    this.seen = 0;
    this.child.on('message', ({ number: n, result }) => {
      this.waiting.get(n)(result);
      this.waiting.delete(n);
    });
    this.child.on('exit', (code, signal) => {
      if (!this.stopped) {
        console.error(`soak: the load generator ended with ${code ?? signal}`);
        process.exit(1);
      }
    });
    this.tell = (f) => `${new Date(f.from / 1000).toISOString()} +${Math.round((f.until - f.from) / 1000)} ms ${f.what} ${f.id} (${f.deployment}): ${f.problem}`;
  }

  ask(command, argument) {
    return new Promise((resolve) => {
      this.waiting.set(++this.next, resolve);
      this.child.send({ number: this.next, command, argument });
    });
  }

  // Those since the last call.
  async newFailures() {
    const failures = await this.ask('failures', { after: this.seen });
    this.seen += failures.length;
    return failures;
  }

  stop() {
    this.stopped = true;
    return this.ask('stop');
  }
}

class Table {
  constructor() { this.failed = 0; }

  row(what, expected, seen, details = []) {
    const ok = expected === seen;
    if (!ok) this.failed++;
    console.log(`${ok ? 'ok    ' : 'FAILED'} ${what.padEnd(66)} expected ${String(expected).padStart(5)}   seen ${String(seen).padStart(5)}`);
    if (ok) return;
    for (const detail of details.slice(0, 25)) console.log(`         ${detail}`);
    if (details.length > 25) console.log(`         … and ${details.length - 25} more`);
  }

  note(text) { console.log(`       ${text}`); }
}

async function main() {
  const world = new World(process.env);
  const pick = random(options.seed);
  const table = new Table();
  console.log(`soak: seed ${options.seed}, ${options.rate} requests/s, ${options.sockets} WebSockets`);
  const load = new Load(world);
  await sleep(2000);
  const parts = [
    ['load', options.redeploys + options.rollbacks],
    ['kill', options.kills],
    ['edge', options.edgeKills],
  ];
  for (const [name, times] of parts) {
    if (!times) continue;
    console.log(`== ${name}`);
    await require(`./${name}`).run(world, load, table, { ...options, pick });
  }
  const end = await load.stop();
  table.note(`in all: ${end.requests} requests; kinds: ${JSON.stringify(end.kinds)}`);
  if (table.failed) console.log(`soak: ${table.failed} of what was expected did not hold.  Again: SOAK_SEED=${options.seed} make soak`);
  process.exitCode = table.failed ? 1 : 0;
}

main().catch((error) => {
  console.error(`soak: ${error.stack}\nAgain: SOAK_SEED=${options.seed} make soak`);
  process.exit(1);
});
