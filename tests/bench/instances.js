// Starting 200 instances of a tiny app: 4 services of 50 replicas, from their upload until all of them listen.
const { createService, upload, deleteServices, settled, graphql, env, row, run } = require('./lib');

const SERVICES = 4;
const REPLICAS = 50; // the most that a service can have

async function prepare(i) {
  const id = await createService(`many-${i}`);
  await graphql('mutation($e:String,$s:String!,$i:ServiceInstanceUpdateInput!){serviceInstanceUpdate(environmentId:$e,serviceId:$s,input:$i)}',
    { e: env.BENCH_ENVIRONMENT, s: id, i: { numReplicas: REPLICAS } });
  return id;
}

run(async () => {
  const services = await Promise.all(Array.from({ length: SERVICES }, (_, i) => prepare(i)));
  const started = performance.now();
  await Promise.all(services.map(upload));
  await Promise.all(services.map(settled));
  const seconds = (performance.now() - started) / 1000;
  row(`starting ${SERVICES * REPLICAS} instances of a tiny app, until all listen`, `${seconds.toFixed(1)} s`,
    { must: '<= 20 s', aim: '<= 5 s', verdict: seconds <= 20 });
  const removal = performance.now();
  await deleteServices(services);
  row('  removing them again', `${((performance.now() - removal) / 1000).toFixed(1)} s`);
});
