// tramd is killed at random moments of whatever it does; afterwards everything is as if it had not been.
const fs = require('fs');
const path = require('path');
const { execFileSync } = require('child_process');
const { sleep } = require('./world');
const truth = require('./truth');
const { checkLogs } = require('./logs');

const ROUNDS_PER_LOOK = 8;
const NETWORKS_MS = 30000; // until the networks of deleted environments are gone
const EXTRA_MAX = 2; // services and environments made and deleted on the way

// What is done to Tramway.  Each act is begun and may be cut short by the kill: then its outcome is unknown, and either is true.
class Acts {
  constructor(world, pick) {
    Object.assign(this, { world, pick, uploads: 0, made: 0, ended: new Set(), services: [], environments: [], side: null, refused: [] });
    this.all = [
      [5, this.redeploy], [3, this.rollback], [4, this.scale], [1, this.upload], [2, this.cancel], [2, this.sideDeploy], [1, this.sideRemove],
      [2, this.restart], [1, this.addService], [1, this.deleteService], [1, this.addEnvironment], [1, this.deleteEnvironment], [1, this.toggleDomain],
    ];
  }

  choose() {
    let at = this.pick(this.all.reduce((sum, [weight]) => sum + weight, 0));
    return this.all.find(([weight]) => (at -= weight) < 0)[1];
  }

  async begin() {
    const act = this.choose();
    try {
      await act.call(this);
    } catch (error) {
      if (!error.away) this.refused.push(`${act.name}: ${error.message}`);
    }
  }

  // A source that was never built before.
  archive() {
    const folder = path.join(this.world.work, `upload${++this.uploads}`), file = `${folder}.tar.gz`;
    fs.mkdirSync(folder);
    fs.copyFileSync(path.join(this.world.work, 'apps/soak/app'), path.join(folder, 'app'));
    fs.chmodSync(path.join(folder, 'app'), 0o755);
    fs.writeFileSync(path.join(folder, 'Dockerfile'), `FROM scratch\nLABEL change=${this.uploads}\nCOPY app /app\nCMD ["/app"]\n`);
    execFileSync('tar', ['-czf', file, '-C', folder, '.']);
    fs.rmSync(folder, { recursive: true });
    return file;
  }

  send(service, environment) {
    return this.world.upload(this.archive(), service, environment);
  }

  newest(service) { return this.world.deployments(service).then((all) => all[0]); }

  // ---- the service under load: it must answer whatever happens

  async redeploy() { await this.world.redeploy((await this.newest()).id); }

  async rollback() {
    const kept = (await this.world.deployments()).filter((d) => d.canRollback && d.status === 'REMOVED').slice(0, 20);
    if (kept.length) await this.world.rollback(kept[this.pick(kept.length)].id);
  }

  scale() { return this.world.scale(this.world.service, 1 + 2 * this.pick(2)); }

  // With several replicas one after another; a single one is away for a moment, which is why there must be three.
  async restart() {
    await this.world.scale(this.world.service, 3);
    const live = (await this.world.deployments()).find((d) => d.status === 'SUCCESS');
    if (live.instances.filter((instance) => instance.status === 'RUNNING').length === 3) await this.world.graphql('mutation($id:String!){deploymentRestart(id:$id)}', { id: live.id });
  }

  upload() { return this.send(this.world.service, this.world.environment); }

  async cancel() {
    const id = await this.world.redeploy((await this.newest()).id);
    this.ended.add(id);
    await sleep(this.pick(300));
    await this.world.graphql('mutation($id:String!){deploymentCancel(id:$id)}', { id })
      .catch((error) => { if (error.away || !/nothing to cancel/.test(error.message)) throw error; }); // it was live already
  }

  // ---- beside it

  async sideDeploy() {
    if (!this.side) {
      const { serviceCreate } = await this.world.graphql('mutation($i:ServiceCreateInput!){serviceCreate(input:$i){id}}', { i: { projectId: this.world.project, name: 'side' } });
      this.side = serviceCreate.id;
    }
    await this.send(this.side, this.world.environment);
  }

  async sideRemove() {
    const newest = this.side && await this.newest(this.side);
    if (!newest) return;
    this.ended.add(newest.id);
    await this.world.graphql('mutation($id:String!){deploymentRemove(id:$id)}', { id: newest.id });
  }

  async addService() {
    if (this.services.length >= EXTRA_MAX) return;
    const { serviceCreate } = await this.world.graphql('mutation($i:ServiceCreateInput!){serviceCreate(input:$i){id}}', { i: { projectId: this.world.project, name: `extra${++this.made}` } });
    this.services.push(serviceCreate.id);
    await this.world.graphql('mutation($i:ServiceDomainCreateInput!){serviceDomainCreate(input:$i){id}}', { i: { environmentId: this.world.environment, serviceId: serviceCreate.id } });
    await this.send(serviceCreate.id, this.world.environment);
  }

  async deleteService() {
    const id = this.services.shift();
    if (id) await this.world.deleteService(id);
  }

  async addEnvironment() {
    if (this.environments.length >= EXTRA_MAX) return;
    const { environmentCreate } = await this.world.graphql('mutation($i:EnvironmentCreateInput!){environmentCreate(input:$i){id}}', { i: { projectId: this.world.project, name: `extra${++this.made}` } });
    this.environments.push(environmentCreate.id);
    await this.send(this.world.service, environmentCreate.id);
  }

  async deleteEnvironment() {
    const id = this.environments.shift();
    if (id) await this.world.deleteEnvironment(id);
  }

  // Asks first: an answer that the kill cut short may have been a domain.
  async toggleDomain() {
    if (!this.side) return;
    const at = { environmentId: this.world.environment, serviceId: this.side };
    const { domains } = await this.world.graphql('query($p:String!,$e:String!,$s:String!){domains(projectId:$p,environmentId:$e,serviceId:$s){serviceDomains{id}}}',
      { p: this.world.project, e: at.environmentId, s: at.serviceId });
    const [present] = domains.serviceDomains;
    if (present) await this.world.graphql('mutation($id:String!){serviceDomainDelete(id:$id)}', { id: present.id });
    else await this.world.graphql('mutation($i:ServiceDomainCreateInput!){serviceDomainCreate(input:$i){id}}', { i: at });
  }
}

const moment = (pick) => (pick(2) ? pick(150) : pick(1500));

// Kills tramd and starts it again; sometimes it is killed in its start, too.  Gives how many kills it was.
async function killOnce(world, pick) {
  await world.kill();
  if (pick(3) === 0) await sleep(pick(500));
  let kills = 1;
  for (; pick(5) === 0; kills++) await world.startAndKill(pick(250));
  await world.start();
  return kills;
}

async function run(world, load, table, { kills, pick }) {
  const acts = new Acts(world, pick);
  const networksBefore = JSON.stringify(world.networks());
  const problems = { truth: [], left: [] };
  let done = 0;
  const look = async () => {
    const found = await truth.settled(world, acts.ended);
    problems.truth.push(...found.truth);
    problems.left.push(...found.left);
    return found.truth.length + found.left.length === 0;
  };
  let well = true; // the run ends where it went wrong
  for (let round = 1; done < kills && well; round++) {
    const begun = [acts.begin()];
    if (pick(3) === 0) begun.push(acts.begin());
    await sleep(moment(pick));
    done += await killOnce(world, pick);
    await Promise.all(begun);
    if (round % ROUNDS_PER_LOOK === 0) well = await look();
  }
  if (well) {
    for (const id of await world.otherServices()) await world.deleteService(id);
    for (const id of await world.otherEnvironments()) await world.deleteEnvironment(id);
    await look();
    let networks = '';
    for (const end = Date.now() + NETWORKS_MS; networks !== networksBefore && Date.now() < end; await sleep(200)) networks = JSON.stringify(world.networks());
    if (networks !== networksBefore) problems.left.push(`networks: ${networks}; before: ${networksBefore}`);
  }
  const logs = await checkLogs(world);
  const failures = await load.newFailures();
  const summary = await load.ask('summary');
  table.row('kill: kills of tramd', kills, Math.min(done, kills));
  table.note(` ${acts.uploads} uploads built; ${logs.lines} log lines of ${logs.processes} processes read`);
  table.row('kill: acts that were refused', 0, acts.refused.length, acts.refused);
  table.row('kill: requests and WebSockets that failed', 0, failures.length, failures.map(load.tell));
  table.row('kill: statuses that are not true', 0, problems.truth.length, problems.truth);
  table.row('kill: things left over or missing', 0, problems.left.length, problems.left);
  table.row('kill: log lines lost or doubled', 0, logs.problems.length, logs.problems);
  table.note(`${summary.sockets.open} WebSockets are open`);
}

module.exports = { run };
