// Makes the nth system call of a deploy fail, for one n after the other, and judges each time: no
// visitor's request failed, the old deployment serves on (or the new one, when tramd got over it), the
// error says what failed, nothing is left over, tramd runs, and deploys without a fault succeed.
const { spawn } = require('child_process');
const town = require('./town');
const env = process.env;
const KINDS = (env.FAULT_KINDS || 'up image').split(' ');
const [FIRST, EVERY, LAST] = [env.FAULT_FIRST || 1, env.FAULT_EVERY || 1, env.FAULT_LAST || 100000].map(Number);
const END_MS = 45000, SETTLE_MS = 30000, PLAIN_EVERY = 5;

function injector(args) {
  const child = spawn(env.INJECT, ['--pid', env.PID, '--skip-port', env.API_PORT, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
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
// libuv gives each child signal pipes of its own, and aborts the child when it cannot.
WORDS.EMFILE = new RegExp(`${WORDS.EMFILE.source}|killed by signal 6`, 'i');
const says = (message, fault) => !fault || ((WORDS[fault.error] || /./).test(message) && message.length > 20);


async function one(kind, n, former, before) {
  town.visits.failed = [];
  const fault = injector(['--fail', `${n}`, ...(env.FAULT_SECOND ? ['--second'] : [])]);
  await fault.ready;
  let refused = '';
  try { await town.start[kind](former.live); } catch (error) { refused = error.message; }
  const end = await town.ended(Date.now() + END_MS);
  const hit = /^(\d+) (\S+) (\S+) (.*)$/.exec((await fault.end())[0] || '');
  const what = hit ? { call: hit[2], error: hit[3], target: town.normal(hit[4]) } : null;
  const result = await town.judge(end, former, refused, before, SETTLE_MS, (message) => says(message, what));
  if (!what && result.outcome !== 'live') result.problems.push(`without a fault: '${result.message}'`);
  return { what, ...result };
}

async function sweep(kind, summary) {
  const first = await town.plain(kind, (await town.ended(Date.now() + END_MS)).live.id);
  let former = { live: first, newest: first };
  const before = await town.settledInventory();
  let beyond = 0, since = 0; // refused and failed ones since the last deploy without a fault
  for (let n = FIRST; n <= LAST && beyond < 3; n += EVERY) {
    const result = await one(kind, n, former, before);
    const { what, outcome, message, problems } = result;
    former = result;
    beyond = what ? 0 : beyond + 1;
    if (!what && !problems.length) continue;
    summary.push({ kind, outcome, problems });
    console.log(`${kind} ${n}: ${what ? `${what.call} ${what.target} ${what.error}` : 'no fault'}: ${outcome}${message ? `: ${message}` : ''}`);
    if (outcome !== 'live' && (problems.length || ++since >= PLAIN_EVERY)) {
      since = 0;
      try {
        former.live = former.newest = await town.plain(kind, former.live);
      } catch (error) { problems.push(error.message); }
    }
    for (const problem of problems) console.log(`  PROBLEM ${problem}`);
  }
}

async function main() {
  town.beginVisits();
  const summary = [];
  for (const kind of KINDS) await sweep(kind, summary);
  await town.endVisits();
  for (const kind of KINDS) {
    const mine = summary.filter((r) => r.kind === kind);
    const count = (outcome) => mine.filter((r) => r.outcome === outcome).length;
    console.log(`# ${kind}: ${mine.length} calls failed: ${count('live')} deploys live in spite of it, ${count('failed')} failed, ${count('refused')} refused, ${mine.filter((r) => r.problems.length).length} with problems`);
  }
  console.log(`# ${town.visits.sent} requests of visitors`);
  if (!summary.length || summary.some((r) => r.problems.length)) process.exit(1);
}
main().then(() => process.exit(0), (error) => { console.log(`PROBLEM ${error.stack}`); process.exit(1); });
