// `podman run` + nginx reload: how somebody without Tramway switches to a new version of an image.  Runs in a
// network and mount namespace of its own; one switch per line of its input, whose milliseconds it prints.
const { execFileSync, spawn } = require('child_process');
const fs = require('fs');
const readline = require('readline');
const { env, sleep, get, untilOther } = require('./lib');

const work = `${env.BENCH_WORK}/podman`;
const NGINX_PORT = 9000;
const podman = (...args) => execFileSync('podman', [
  '--root', `${work}/root`, '--runroot', `${work}/run`, '--tmpdir', `${work}/tmp`, '--network-config-dir', `${work}/net`,
  '--runtime', `${work}/crun`, '--cgroup-manager', 'cgroupfs', '--events-backend', 'none', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
const nginx = (...args) => ['-p', work, '-c', `${work}/nginx.conf`, ...args];

function prepare() {
  fs.mkdirSync(work, { recursive: true });
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  // The same crun, with the same way around a hybrid host's control groups as Tramway's.
  fs.writeFileSync(`${work}/crun`, `#!/bin/sh\nexec ${env.BENCH_BUILD}/tramway-exec --hide-cgroup2 -- /usr/bin/crun "$@"\n`, { mode: 0o755 });
  execFileSync('tar', ['cf', `${work}/instant.tar`, '-C', env.BENCH_APP, 'instant']);
  podman('import', '--change', 'CMD ["/instant"]', `${work}/instant.tar`, 'instant');
  fs.writeFileSync(`${work}/upstream.conf`, '');
  fs.writeFileSync(`${work}/nginx.conf`, `daemon off; pid ${work}/nginx.pid; error_log ${work}/error.log; events {}
    http { access_log off; include ${work}/upstream.conf; client_body_temp_path ${work}/body; proxy_temp_path ${work}/proxy;
      server { listen 127.0.0.1:${NGINX_PORT}; location / { proxy_pass http://app; } } }\n`);
}

const upstream = (port) => fs.writeFileSync(`${work}/upstream.conf`, `upstream app { server 127.0.0.1:${port}; }\n`);

async function switchTo(version, server) {
  const port = 9001 + version % 2;
  const before = version > 1 ? (await get('app', NGINX_PORT)).body : '';
  const started = performance.now();
  podman('run', '-d', '--name', `v${version}`, '-e', 'PORT=8080', '-e', `RAILWAY_DEPLOYMENT_ID=v${version}`,
    '--ulimit', 'nofile=4096:4096', '--ulimit', 'nproc=4096:4096', '-p', `127.0.0.1:${port}:8080`, 'instant');
  await untilOther('app', '', port);
  upstream(port);
  if (!server.process) server.process = spawn('nginx', nginx(), { stdio: 'ignore' });
  else execFileSync('nginx', nginx('-s', 'reload'), { stdio: 'ignore' });
  await untilOther('app', before, NGINX_PORT);
  const took = performance.now() - started;
  if (version > 1) podman('rm', '-f', '-t', '0', `v${version - 1}`);
  return took;
}

async function main() {
  const server = {};
  prepare();
  try {
    await switchTo(1, server);
    console.log('ready');
    let version = 1;
    for await (const line of readline.createInterface({ input: process.stdin })) if (line === 'go') console.log((await switchTo(++version, server)).toFixed(1));
  } finally {
    if (server.process) server.process.kill();
    podman('rm', '-f', '-a', '-t', '0');
    await sleep(300);
  }
}

main().catch((error) => { console.error(`podman: ${error.stderr || error.message}`); process.exit(1); });
