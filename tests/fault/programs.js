// Lets each program that a deploy starts end at once with status 1, then hang until its deadline, by
// mounting another one over it where tramd runs (tests/fault/lib.sh); judged as in calls.js.  That
// a program cannot be started at all is a failed clone or execve there.
const { execFileSync } = require('child_process');
const fs = require('fs');
const town = require('./town');
const env = process.env;
const PROGRAMS = env.FAULT_PROGRAMS.split(' ');
const WAYS = (env.FAULT_WAYS || 'fail hang').split(' ');
const END_MS = 200000, SETTLE_MS = 90000; // after the longest deadlines: 60 s, and 30 s for the removal

const inside = (...argv) => execFileSync('nsenter', [`--mount=/proc/${env.PID}/ns/mnt`, ...argv]);

function replacement(way) {
  const path = `${env.WORK}/${way}`;
  fs.writeFileSync(path, way === 'hang' ? '#!/bin/sh\nexec sleep 3600\n' : '#!/bin/sh\necho made to fail >&2\nexit 1\n', { mode: 0o755 });
  return path;
}

// Its name, or the words of what it was started for.
const says = (message, program) => message.length > 20 &&
  (message.includes(program.split('/').pop()) || /made to fail|deadline|within|longer than|did not end/.test(message));

async function one(program, way, former, before) {
  town.visits.failed = [];
  inside('mount', '--bind', replacement(way), program);
  let refused = '', end;
  try {
    try { await town.start.up(former.live); } catch (error) { refused = error.message; }
    end = await town.ended(Date.now() + END_MS);
  } finally {
    inside('umount', program);
  }
  return town.judge(end, former, refused, before, SETTLE_MS, (message) => says(message, program));
}

async function main() {
  town.beginVisits();
  const first = await town.plain('up', (await town.ended(Date.now() + 60000)).live.id);
  let former = { live: first, newest: first }, bad = 0;
  const before = await town.settledInventory();
  for (const way of WAYS) {
    for (const program of PROGRAMS) {
      const started = Date.now();
      former = await one(program, way, former, before);
      const { outcome, message, problems } = former;
      const seconds = ((Date.now() - started) / 1000).toFixed(1);
      if (outcome !== 'live') {
        try {
          former.live = former.newest = await town.plain('up', former.live);
        } catch (error) { problems.push(error.message); }
      }
      bad += problems.length;
      console.log(`${program} ${way}s: ${outcome} after ${seconds} s${message ? `: ${message}` : ''}`);
      for (const problem of problems) console.log(`  PROBLEM ${problem}`);
    }
  }
  await town.endVisits();
  console.log(`# ${town.visits.sent} requests of visitors`);
  if (bad) process.exit(1);
}
main().then(() => process.exit(0), (error) => { console.log(`PROBLEM ${error.stack}`); process.exit(1); });
