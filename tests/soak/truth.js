// Whether what the API says is so, and nothing else is on the machine.
const { sleep, UNFINISHED, LIVE } = require('./world');

const SETTLE_MS = 120000; // a drain's bound, a build, and a busy machine
const VISITS = 10;

// All deployments of all services in all environments, newest first, by service and environment.
async function everything(world) {
  const groups = [];
  for (const { service, environment, replicas, hosts } of await world.serviceInstances())
    groups.push({ service, environment, replicas, hosts, deployments: await world.deployments(service, environment) });
  return groups;
}

const differences = (what, expected, seen) => [
  ...expected.filter((id) => !seen.includes(id)).map((id) => `${what} lacks ${id}`),
  ...seen.filter((id) => !expected.includes(id)).map((id) => `${what} still has ${id}`),
];

// What is not true of one service's statuses.  `ended` are those that a user cancelled or removed: they may have ended.
function checkStatuses(group, ended) {
  const { deployments } = group;
  const name = (d) => `deployment ${d.id} (${d.createdAt}) is ${d.status}${d.statusReason ? `: ${d.statusReason}` : ''}`;
  const problems = deployments.filter((d) => UNFINISHED.includes(d.status) || ['FAILED', 'CRASHED', 'SKIPPED'].includes(d.status)).map(name);
  const live = deployments.filter((d) => LIVE.includes(d.status));
  if (live.length > 1) problems.push(`${live.length} are live: ${live.map((d) => d.id)}`);
  const newest = deployments.find((d) => !(ended.has(d.id) && d.status === 'REMOVED'));
  const mayBeNone = deployments.some((d) => ended.has(d.id));
  if (newest && newest.status !== 'SUCCESS' && !mayBeNone) problems.push(`the newest ${name(newest)}`);
  return problems;
}

async function checkServing(world, group) {
  const live = group.deployments.find((d) => LIVE.includes(d.status));
  const problems = [];
  for (const host of group.hosts)
    for (let i = 0; i < VISITS; i++) {
      const answer = await world.visit(host);
      const right = live ? answer?.status === 200 && answer.deployment === live.id : answer?.status === 503;
      if (!right) problems.push(`${host} answers ${JSON.stringify(answer)} instead of ${live ? live.id : 'that there is no deployment'}`);
      if (!right) break;
    }
  return problems;
}

// A rollback brings its own number back, until another is set: what the API says of its instances must be so.
function replicasOf(group, deployment) {
  if (deployment.meta.reason !== 'ROLLBACK') return group.replicas;
  return deployment.instances.filter((instance) => instance.status === 'RUNNING').length;
}

async function look(world, ended) {
  const groups = await everything(world);
  const truth = [], left = [];
  const workloads = [], instances = [];
  let servers = 0;
  for (const group of groups) {
    truth.push(...checkStatuses(group, ended), ...await checkServing(world, group));
    for (const d of group.deployments.filter((one) => LIVE.includes(one.status))) {
      const replicas = replicasOf(group, d);
      workloads.push(d.id);
      for (let i = 0; i < replicas; i++) instances.push(`${d.id}-${i}`);
      if (group.hosts.length) servers += replicas;
    }
  }
  for (const [place, names] of Object.entries(world.instances()))
    left.push(...differences(place, place === 'engine/workloads' ? workloads : instances, names));
  const controlGroups = world.controlGroups(), links = world.links(world.linkPrefix);
  left.push(...controlGroups.filter((id) => !instances.includes(id)).map((id) => `there still is a control group of ${id}`));
  if (links.length !== instances.length) left.push(`${links.length} links for ${instances.length} instances: ${links}`);
  left.push(...differences('the edge', groups.flatMap((group) => group.hosts).sort(), await world.routedHosts()));
  const ready = await world.readyServers();
  if (ready.length !== servers) left.push(`HAProxy sends requests to ${ready.length} servers instead of ${servers}: ${ready}`);
  return { truth, left };
}

// Waits until all is true; what is not true by then is the answer.
async function settled(world, ended) {
  for (const end = Date.now() + SETTLE_MS; ; await sleep(500)) {
    const found = await look(world, ended);
    if (!found.truth.length && !found.left.length || Date.now() > end) return found;
  }
}

module.exports = { settled };
