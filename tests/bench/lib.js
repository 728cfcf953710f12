// What the benchmarks share: the API of the Tramway that scripts/bench started, its edge, and rows.
const fs = require('fs');
const http = require('http');
const { execFileSync } = require('child_process');
const env = process.env;
const agent = new http.Agent({ keepAlive: true });

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const sorted = (list) => [...list].sort((a, b) => a - b);
const percentile = (list, share) => sorted(list)[Math.min(list.length - 1, Math.floor(list.length * share))];
const median = (list) => percentile(list, 0.5);

// Gives the body of an answer as text; status 0 when there is none.
function request(options, body) {
  return new Promise((resolve) => {
    const sent = http.request(options, (response) => {
      let text = '';
      response.on('data', (data) => { text += data; });
      response.on('end', () => resolve({ status: response.statusCode, body: text }));
    });
    sent.on('error', () => resolve({ status: 0, body: '' }));
    sent.setTimeout(30000, () => sent.destroy());
    sent.end(body);
  });
}

async function post(path, body, type) {
  const { hostname, port } = new URL(env.BENCH_API);
  const headers = { authorization: `Bearer ${env.BENCH_TOKEN}`, 'content-type': type, 'content-length': Buffer.byteLength(body) };
  const { status, body: text } = await request({ hostname, port, path, method: 'POST', agent, headers }, body);
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${path} answered ${status}: ${text}`);
  }
}

async function graphql(query, variables) {
  const answer = await post('/graphql/v2', JSON.stringify({ query, variables }), 'application/json');
  if (answer.errors) throw new Error(answer.errors[0].message);
  return answer.data;
}

const get = (host, port = env.BENCH_EDGE_PORT) =>
  request({ host: '127.0.0.1', port, headers: { host }, agent: false });

// Milliseconds until `port` answers 200 with another text than `before`.
async function untilOther(host, before, port) {
  const started = performance.now();
  for (;;) {
    const { status, body } = await get(host, port);
    const took = performance.now() - started;
    if (status === 200 && body !== before) return took;
    if (took > 30000) throw new Error('no new version answers after 30 s');
    await sleep(1);
  }
}

async function latest(service) {
  const input = { projectId: env.BENCH_PROJECT, environmentId: env.BENCH_ENVIRONMENT, serviceId: service };
  const query = 'query($i:DeploymentListInput!){deployments(input:$i,first:1){edges{node{id status}}}}';
  const data = await graphql(query, { i: input });
  return data.deployments.edges[0].node;
}

async function settled(service) {
  for (;;) {
    const { id, status } = await latest(service);
    if (status === 'SUCCESS') return id;
    if (status === 'FAILED' || status === 'CRASHED') throw new Error(`deployment ${id} is ${status}`);
    await sleep(10);
  }
}

async function createService(name) {
  const query = 'mutation($i:ServiceCreateInput!){serviceCreate(input:$i){id}}';
  const data = await graphql(query, { i: { projectId: env.BENCH_PROJECT, name } });
  return data.serviceCreate.id;
}

// Deploys the app of scripts/bench to a service; its image is there, so nothing is built.
const upload = async (service) => {
  const path = `/project/${env.BENCH_PROJECT}/environment/${env.BENCH_ENVIRONMENT}/up?serviceId=${service}`;
  const answer = await post(path, fs.readFileSync(env.BENCH_UPLOAD), 'application/gzip');
  if (!answer.deploymentId) throw new Error(`the upload was refused: ${JSON.stringify(answer)}`);
};

// Deletes services, and waits until their instances have left nothing.
async function deleteServices(ids) {
  for (const id of ids) await graphql('mutation($id:String!){serviceDelete(id:$id)}', { id });
  while (fs.readdirSync(`${env.BENCH_RUN}/bundles`).length > 1) await sleep(50);
}

const redeploy = (id) => graphql('mutation($id:String!){deploymentRedeploy(id:$id,usePreviousImageTag:true){id}}', { id });
const rollback = (id) => graphql('mutation($id:String!){deploymentRollback(id:$id)}', { id });

// What the CLI prints.  It throws when it fails, with what it said.
const tram = (args, cwd) => execFileSync(`${env.BENCH_BUILD}/tram`, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

// A figure beside its target.  `verdict` tells whether the Must holds: true, false, or undefined for a figure
// that has none; `aim` is text.
function row(what, value, { must = '', aim = '', verdict } = {}) {
  const word = verdict === undefined ? '' : verdict ? 'holds' : 'MISSED';
  console.log(`${what.padEnd(56)} ${value.padStart(16)}  ${must.padEnd(24)} ${aim.padEnd(20)} ${word}`.trimEnd());
}

function run(main) {
  main().then(() => agent.destroy(), (error) => {
    console.log(`  not measured: ${error.message}`);
    process.exit(1);
  });
}

module.exports = { env, sleep, median, percentile, request, post, graphql, get, untilOther, latest, settled, createService, upload, deleteServices, redeploy, rollback, tram, row, run };
