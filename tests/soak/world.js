// The Tramway under test as the driver sees it: its API, its process, what it has on the machine.
const fs = require('fs');
const http = require('http');
const net = require('net');
const path = require('path');
const { spawn, execFileSync } = require('child_process');

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const nowUs = () => Math.round((performance.timeOrigin + performance.now()) * 1000);

const UNFINISHED = ['INITIALIZING', 'WAITING', 'QUEUED', 'BUILDING', 'DEPLOYING', 'REMOVING'];
const LIVE = ['SUCCESS', 'CRASHED', 'SLEEPING'];
const DEPLOYMENTS = 'query($i:DeploymentListInput!){deployments(input:$i,first:500){edges{node{id status statusReason createdAt serviceId canRollback meta instances{status}}}}}';

class World {
  // Of the environment: SOAK_WORK, SOAK_RUN, SOAK_NAME, SOAK_LINKS, SOAK_TRAMD, SOAK_TOKEN, SOAK_PROJECT, SOAK_ENVIRONMENT, SOAK_SERVICE,
  // SOAK_HOST, SOAK_PORT, TRAM_SERVER.
  constructor(env) {
    this.work = env.SOAK_WORK;
    this.run = env.SOAK_RUN;
    this.name = env.SOAK_NAME;
    this.linkPrefix = env.SOAK_LINKS;
    this.host = env.SOAK_HOST;
    this.tramdProgram = env.SOAK_TRAMD;
    this.api = env.TRAM_SERVER;
    this.token = env.SOAK_TOKEN;
    this.project = env.SOAK_PROJECT;
    this.environment = env.SOAK_ENVIRONMENT;
    this.service = env.SOAK_SERVICE;
    this.port = Number(env.SOAK_PORT);
    this.agent = new http.Agent({ keepAlive: false });
  }

  // ---- API ---------------------------------------------------------------------------------------

  // {status, text}; rejects with `error.away` when it could not be asked (tramd was killed).
  post(target, type, body) {
    return new Promise((resolve, reject) => {
      const away = (error) => reject(Object.assign(error, { away: true }));
      const headers = { authorization: `Bearer ${this.token}`, 'content-type': type, 'content-length': Buffer.byteLength(body) };
      const request = http.request(`${this.api}${target}`, { method: 'POST', agent: this.agent, timeout: 60000, headers }, (response) => {
        let text = '';
        response.on('data', (data) => { text += data; });
        response.on('error', away);
        response.on('end', () => (response.complete ? resolve({ status: response.statusCode, text }) : away(new Error('cut short'))));
      });
      request.on('timeout', () => request.destroy(new Error('the API does not answer')));
      request.on('error', away);
      request.end(body);
    });
  }

  // The data; rejects with what the API says.
  async graphql(query, variables) {
    const { text } = await this.post('/graphql/v2', 'application/json', JSON.stringify({ query, variables }));
    const answer = JSON.parse(text);
    if (answer.errors) throw new Error(answer.errors[0].message);
    return answer.data;
  }

  // Of one service, newest first; all environments, with those that are over.
  async deployments(service = this.service, environment = this.environment) {
    const { deployments } = await this.graphql(DEPLOYMENTS, { i: { projectId: this.project, environmentId: environment, serviceId: service, includeDeleted: true } });
    return deployments.edges.map((edge) => edge.node);
  }

  deployment(id) {
    return this.graphql('query($id:String!){deployment(id:$id){id status statusReason}}', { id }).then((data) => data.deployment);
  }

  redeploy(id) {
    return this.graphql('mutation($id:String!){deploymentRedeploy(id:$id){id}}', { id }).then((data) => data.deploymentRedeploy.id);
  }

  // The deployment that the rollback makes is not told: it is the newest one then.
  async rollback(id) {
    await this.graphql('mutation($id:String!){deploymentRollback(id:$id)}', { id });
    return (await this.deployments())[0].id;
  }

  // A new number of replicas for a service, without a deploy.
  scale(service, replicas) {
    return this.graphql('mutation($e:String,$s:String!,$i:ServiceInstanceUpdateInput!){serviceInstanceUpdate(environmentId:$e,serviceId:$s,input:$i)}',
      { e: this.environment, s: service, i: { numReplicas: replicas } });
  }

  deleteService(id) { return this.graphql('mutation($id:String!){serviceDelete(id:$id)}', { id }); }

  deleteEnvironment(id) { return this.graphql('mutation($id:String!){environmentDelete(id:$id)}', { id }); }

  async environments() {
    const { environments } = await this.graphql('query($id:String!){environments(projectId:$id){edges{node{id}}}}', { id: this.project });
    return environments.edges.map((edge) => edge.node.id);
  }

  // Of all environments: {service, environment, replicas, hosts}.
  async serviceInstances() {
    const found = [];
    for (const id of await this.environments()) {
      const { environment } = await this.graphql('query($id:String!){environment(id:$id){serviceInstances(first:500){edges{node{serviceId numReplicas domains{serviceDomains{domain}}}}}}}', { id });
      for (const { node } of environment.serviceInstances.edges)
        found.push({ service: node.serviceId, environment: id, replicas: node.numReplicas || 1, hosts: node.domains.serviceDomains.map((d) => d.domain) });
    }
    return found;
  }

  async otherServices() {
    return [...new Set((await this.serviceInstances()).map((one) => one.service))].filter((id) => id !== this.service);
  }

  async otherEnvironments() { return (await this.environments()).filter((id) => id !== this.environment); }

  // Deploys a packed folder.
  upload(file, service, environment) {
    return this.post(`/project/${this.project}/environment/${environment}/up?serviceId=${service}`, 'application/gzip', fs.readFileSync(file))
      .then(({ status, text }) => { if (status >= 300) throw new Error(`upload: ${status} ${text}`); });
  }

  // Waits until the deployment is live; anything else that is final is an error.
  async live(id, timeoutMs = 120000) {
    for (const end = Date.now() + timeoutMs; ; await sleep(25)) {
      const { status, statusReason } = await this.deployment(id);
      if (status === 'SUCCESS') return;
      if (!UNFINISHED.includes(status) || status === 'REMOVING') throw new Error(`deployment ${id} became ${status}: ${statusReason}`);
      if (Date.now() > end) throw new Error(`deployment ${id} is still ${status} after ${timeoutMs} ms`);
    }
  }

  // ---- tramd -------------------------------------------------------------------------------------

  tramdPid() {
    return Number(fs.readFileSync(path.join(this.run, 'tramd.pid'), 'utf8'));
  }

  // Done when it is gone: until then it holds its lock.
  async kill() {
    const pid = this.tramdPid();
    process.kill(pid, 'SIGKILL');
    while (isAlive(pid)) await sleep(1);
  }

  launch() {
    const log = fs.openSync(path.join(this.work, 'tramd.log'), 'a');
    const tramd = spawn(this.tramdProgram, ['--config', path.join(this.work, 'tramway.toml')], { detached: true, stdio: ['ignore', log, log] });
    fs.closeSync(log);
    tramd.unref();
    return tramd;
  }

  // Starts tramd; done when it answers.
  async start(timeoutMs = 60000) {
    const tramd = this.launch();
    let ended = null;
    tramd.on('exit', (code, signal) => { ended = `${code ?? signal}`; });
    for (const end = Date.now() + timeoutMs; ; await sleep(20)) {
      if (await this.answers()) return;
      if (ended) throw new Error(`tramd ended with ${ended} at its start; see ${this.work}/tramd.log`);
      if (Date.now() > end) throw new Error(`tramd does not answer after ${timeoutMs} ms`);
    }
  }

  // Starts tramd and kills it in the middle of that.
  async startAndKill(ms) {
    const tramd = this.launch();
    const ended = new Promise((resolve) => tramd.on('exit', resolve));
    await sleep(ms);
    tramd.kill('SIGKILL');
    await ended;
  }

  answers() {
    return new Promise((resolve) => {
      const request = http.get(`${this.api}/healthz`, { agent: this.agent, timeout: 2000 }, (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      });
      request.on('timeout', () => request.destroy());
      request.on('error', () => resolve(false));
    });
  }

  // ---- the edge ----------------------------------------------------------------------------------

  // What HAProxy answers to a command on one of its sockets.
  haproxy(command, socketName = 'haproxy.sock') {
    return new Promise((resolve, reject) => {
      let text = '';
      const socket = net.connect(path.join(this.run, 'edge', socketName), () => socket.end(`${command}\n`));
      socket.setTimeout(5000, () => socket.destroy(new Error('HAProxy does not answer')));
      socket.on('data', (data) => { text += data; });
      socket.on('error', reject);
      socket.on('close', (failed) => failed || resolve(text));
    });
  }

  haproxyMaster() {
    return Number(fs.readFileSync(path.join(this.run, 'edge', 'haproxy.pid'), 'utf8'));
  }

  // Addresses with port of the servers that get requests.
  async readyServers() {
    const ADDRESS = 4, ADMIN = 6, PORT = 18;
    return (await this.haproxy('show servers state')).split('\n').map((line) => line.split(' '))
      .filter((fields) => fields.length > PORT && /^s\d+$/.test(fields[1]) && !(Number(fields[ADMIN]) & 0x3b))
      .map((fields) => `${fields[ADDRESS]}:${fields[PORT]}`).sort();
  }

  // The host names that lead somewhere.
  async routedHosts() {
    return (await this.haproxy(`show map ${this.run}/edge/hosts.map`)).split('\n').map((line) => line.split(' ')).filter((fields) => fields.length === 3)
      .map((fields) => fields[1]).sort();
  }

  // One request on a fresh connection: {status, deployment}, or null when it could not be asked.
  visit(host, timeoutMs = 5000) {
    return new Promise((resolve) => {
      const request = http.get({ host: '127.0.0.1', port: this.port, path: '/?id=visit', headers: { host }, agent: this.agent, timeout: timeoutMs }, (response) => {
        response.resume();
        response.on('error', () => resolve(null));
        response.on('end', () => resolve({ status: response.statusCode, deployment: response.headers['x-deployment'] || '' }));
      });
      request.on('timeout', () => request.destroy());
      request.on('error', () => resolve(null));
    });
  }

  // ---- the machine -------------------------------------------------------------------------------

  folder(...parts) {
    try {
      return fs.readdirSync(path.join(...parts)).filter((name) => !name.startsWith('.')).sort();
    } catch (error) {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
      throw error;
    }
  }

  // The names of what runs or has left something, by the place that has it.
  instances() {
    return {
      'engine/workloads': this.folder(this.work, 'data/engine/workloads').map((name) => name.replace(/\.json$/, '')),
      'engine/instances': this.folder(this.work, 'data/engine/instances'),
      bundles: this.folder(this.run, 'bundles'),
      crun: this.folder(this.run, 'crun'),
      mounts: fs.readFileSync('/proc/mounts', 'utf8').split('\n').map((line) => line.split(' ')[1] || '')
        .filter((at) => at.startsWith(`${this.run}/bundles/`)).map((at) => at.slice(this.run.length + 9).split('/')[0]).filter((id, i, all) => all.indexOf(id) === i).sort(),
      conmon: processes().filter((p) => p.args[0]?.endsWith('conmon') && p.args.some((arg) => arg.startsWith(`${this.run}/`)))
        .map((p) => p.args[p.args.indexOf('--cid') + 1]).sort(),
    };
  }

  // Control groups of instances, of all hierarchies: their names, once each.
  controlGroups() {
    const all = ['', ...this.folder('/sys/fs/cgroup')].flatMap((hierarchy) => this.folder('/sys/fs/cgroup', hierarchy, this.name));
    return [...new Set(all.filter((name) => /^[0-9a-f-]{36}-\d+$/.test(name)))].sort();
  }

  links(prefix) {
    return execFileSync('ip', ['-br', 'link'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n').map((line) => line.split(/[ @]/)[0]).filter((name) => name.startsWith(prefix));
  }

  // Bridges and network namespaces of the installation.
  networks() {
    return { bridges: this.links(this.name), namespaces: this.folder(this.run, 'netns').filter((name) => !name.endsWith('.ready')) };
  }
}

// Who has ended but was not waited for does not count, unless a thread of it is still in the kernel.
function isAlive(pid) {
  try {
    return !/^\d+ \(.*\) Z/.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8')) || fs.readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}

function processes() {
  return fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      return [{ pid: Number(pid), args: fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') }];
    } catch {
      return []; // ended meanwhile
    }
  });
}

module.exports = { World, UNFINISHED, LIVE, sleep, nowUs, isAlive };
