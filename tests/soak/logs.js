// Each process of the app has numbered its lines and said at its end how many they were: are all there, once, in order?
const PAGE = 5000;
const STARTING = 60; // lines: one whose start was interrupted by a kill of tramd is killed, and started again
const QUERY = 'query($id:String!,$end:DateTime){deploymentLogs(deploymentId:$id,limit:5000,endDate:$end){timestamp message}}';

async function linesOf(world, id) {
  const lines = [];
  for (let end; ;) {
    const { deploymentLogs } = await world.graphql(QUERY, { id, end });
    lines.unshift(...deploymentLogs.map((line) => line.message));
    if (deploymentLogs.length < PAGE) return lines;
    end = deploymentLogs[0].timestamp;
  }
}

// `over`: the deployment has ended, and so have all its processes.
function checkLines(id, lines, over) {
  const processes = new Map(), problems = [];
  for (const line of lines) {
    const [, name, ended, text] = /^(\S+\/\d+) (end )?(\d+)$/.exec(line) || [];
    if (!name) continue;
    const process = processes.get(name) || { last: 0, ended: false };
    processes.set(name, process);
    const number = Number(text);
    if (process.ended) problems.push(`${name}: '${line}' after its end`);
    if (number !== process.last + (ended ? 0 : 1)) problems.push(`${name}: '${line}' comes after ${process.last}`);
    process.last = number;
    process.ended = Boolean(ended);
  }
  for (const [name, process] of processes)
    if (over && !process.ended && process.last > STARTING) problems.push(`${name}: ${process.last} lines, and its end is not there`);
  return { processes: processes.size, problems };
}

async function checkLogs(world) {
  const result = { lines: 0, processes: 0, problems: [] };
  for (const { service, environment } of await world.serviceInstances())
    for (const d of await world.deployments(service, environment)) {
      const lines = await linesOf(world, d.id);
      const found = checkLines(d.id, lines, d.status === 'REMOVED');
      result.lines += lines.length;
      result.processes += found.processes;
      result.problems.push(...found.problems.map((problem) => `deployment ${d.id}: ${problem}`));
    }
  return result;
}

module.exports = { checkLogs };
