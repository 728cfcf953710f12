// The API with one project of 1,000 services.
const { env, graphql, percentile, median, createService, row, run } = require('./lib');

const SERVICES = Number(env.BENCH_API_SERVICES || 1000);
const ROUNDS = 300;
const names = 'query($id:String!){project(id:$id){id name services(first:500){edges{node{id name}}pageInfo{hasNextPage endCursor}}}}';
const states = `query($id:String!,$p:String){environment(id:$id,projectId:$p){id serviceInstances(first:100){edges{node{
  serviceId serviceName numReplicas latestDeployment{id status createdAt}}}}}}`;

async function measure(query, variables) {
  const took = [];
  for (let i = 0; i < ROUNDS; i++) {
    const started = performance.now();
    await graphql(query, variables);
    took.push(performance.now() - started);
  }
  return { p50: median(took), p99: percentile(took, 0.99) };
}

run(async () => {
  for (let i = 0; i < SERVICES; i++) await createService(`api-${i}`);
  const one = await measure(names, { id: env.BENCH_PROJECT });
  row(`API: 500 services of ${SERVICES}, one request, p99`, `${one.p99.toFixed(1)} ms`, { must: '<= 20 ms', aim: '<= 5 ms', verdict: one.p99 <= 20 });
  row('  median', `${one.p50.toFixed(1)} ms`);
  const all = await measure(states, { id: env.BENCH_ENVIRONMENT, p: env.BENCH_PROJECT });
  row('  100 of them with settings and latest deployment, p99', `${all.p99.toFixed(1)} ms`);
});
