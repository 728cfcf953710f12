// Measures a running Tramway through its API and its edge.  Arguments: API URL, token, tramd's pid,
// project, environment, service, edge port, host.  Prints a row per figure, beside its target.
const fs = require('fs');
const http = require('http');
const [api, token, pid, project, environment, service, edgePort, host] = process.argv.slice(2);
const SERVICES = Number(process.env.BENCH_SERVICES || 100);
const ROUNDS = Number(process.env.BENCH_ROUNDS || 20);

async function graphql(query, variables) {
  const answer = await fetch(`${api}/graphql/v2`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  }).then((r) => r.json());
  if (answer.errors) throw new Error(answer.errors[0].message);
  return answer.data;
}

const get = () => new Promise((resolve) => {
  const request = http.get({ host: '127.0.0.1', port: edgePort, headers: { host }, agent: false }, (response) => {
    let body = '';
    response.on('data', (data) => { body += data; });
    response.on('end', () => resolve({ status: response.statusCode, body }));
  });
  request.on('error', () => resolve({ status: 0, body: '' }));
  request.setTimeout(5000, () => request.destroy());
});

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const row = (what, value, target) => console.log(`${what.padEnd(58)} ${value.padStart(14)}   must: ${target}`);

async function latest() {
  const data = await graphql(
    'query($i:DeploymentListInput!){deployments(input:$i,first:1){edges{node{id status}}}}',
    { i: { projectId: project, environmentId: environment, serviceId: service } });
  return data.deployments.edges[0].node;
}

async function rollback(id) {
  const before = (await get()).body;
  const started = performance.now();
  await graphql('mutation($id:String!){deploymentRollback(id:$id)}', { id });
  for (;;) {
    const { status, body } = await get();
    if (status === 200 && body !== before) return performance.now() - started;
    if (performance.now() - started > 30000) throw new Error('no new deployment answers after 30 s');
  }
}

async function settled() {
  for (;;) {
    const { status } = await latest();
    if (status === 'SUCCESS') return;
    if (status === 'FAILED') throw new Error('the deployment failed');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function main() {
  await settled();
  const times = [];
  for (let i = 0; i < ROUNDS; i++) {
    const { id } = await latest();
    times.push(await rollback(id));
    await settled();
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  row(`image ready -> first 200 by the edge, median of ${ROUNDS}`, `${median(times).toFixed(0)} ms`, '<= 150 ms (aim 60)');
  row('  fastest, slowest', `${Math.min(...times).toFixed(0)}, ${Math.max(...times).toFixed(0)} ms`, '-');
  for (let i = 0; i < SERVICES; i++)
    await graphql('mutation($i:ServiceCreateInput!){serviceCreate(input:$i){id}}', { i: { projectId: project, name: `s${i}` } });
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const rss = /VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1] / 1024;
  row(`idle memory of tramd, ${SERVICES} services`, `${rss.toFixed(1)} MB`, '<= 25 MB (aim 12)');
}

main().catch((error) => { console.error(`bench: ${error.message}`); process.exit(1); });
