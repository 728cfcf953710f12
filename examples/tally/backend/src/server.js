// The API: results in Postgres, sessions in Redis, scanned forms in MinIO.
const crypto = require('node:crypto');
const express = require('express');
const Redis = require('ioredis');
const Minio = require('minio');
const { database } = require('./database');
const { passwordMatches, readToken, tokenFor } = require('./auth');

const { env } = process;
const BUCKET = 'forms', SESSION_SECONDS = 3600;

for (const name of ['DATABASE_URL', 'REDIS_URL', 'MINIO_ENDPOINT', 'JWT_SECRET', 'JWT_REFRESH_SECRET', 'SESSION_SECRET'])
  if (!env[name]) throw new Error(`${name} is not set`);
if (env.NODE_ENV === 'production' && env.JWT_SECRET.length < 32) throw new Error('JWT_SECRET is shorter than 32 characters');

const redis = new Redis(env.REDIS_URL, { family: 0, maxRetriesPerRequest: 2 });
redis.on('error', (e) => console.error(`redis: ${e.message}`));
const storage = new Minio.Client({
  endPoint: env.MINIO_ENDPOINT,
  port: Number(env.MINIO_PORT || 9000),
  useSSL: env.MINIO_USE_SSL === 'true',
  accessKey: env.MINIO_ACCESS_KEY,
  secretKey: env.MINIO_SECRET_KEY,
});
const origins = (env.CORS_ORIGIN || '').split(',').filter(Boolean);
let requests = 0;

async function bucket() {
  if (!(await storage.bucketExists(BUCKET))) await storage.makeBucket(BUCKET);
  return BUCKET;
}

async function signedIn(req, res, next) {
  const token = readToken((req.get('Authorization') || '').replace(/^Bearer /, ''));
  const user = token && (await redis.get(`session:${token.jti}`));
  if (!user) return res.status(401).json({ error: 'not signed in' });
  req.user = user;
  next();
}

const handle = (what) => (req, res, next) => what(req, res, next).catch(next);
const app = express();

app.use((req, res, next) => {
  requests++;
  const origin = req.get('Origin');
  if (origin && origins.includes(origin)) {
    res.set({ 'Access-Control-Allow-Origin': origin, 'Access-Control-Allow-Headers': 'Authorization, Content-Type', Vary: 'Origin' });
  }
  if (req.method === 'OPTIONS') return res.sendStatus(204);
  next();
});

app.get('/health', handle(async (req, res) => {
  const checks = { database: database.$queryRaw`SELECT 1`, redis: redis.ping(), storage: bucket() };
  const answer = { status: 'ok' };
  for (const [name, check] of Object.entries(checks))
    answer[name] = await check.then(() => 'ok', (e) => { answer.status = 'failing'; return e.code || e.message; });
  res.status(answer.status === 'ok' ? 200 : 503).json(answer);
}));

app.get('/metrics', (req, res) => {
  if (env.ENABLE_METRICS === 'false') return res.sendStatus(404);
  res.type('text/plain').send(`# TYPE tally_requests_total counter\ntally_requests_total ${requests}\n`);
});

app.post('/api/v1/auth/login', express.json(), handle(async (req, res) => {
  const user = await database.user.findUnique({ where: { name: String(req.body.name) } });
  if (!user || !passwordMatches(String(req.body.password), user.password)) return res.status(401).json({ error: 'wrong name or password' });
  const session = crypto.randomUUID();
  await redis.set(`session:${session}`, user.name, 'EX', SESSION_SECONDS);
  res.json({ token: tokenFor(user.name, session) });
}));

app.get('/api/v1/policies', signedIn, handle(async (req, res) => res.json(await database.policy.findMany({ orderBy: { name: 'asc' } }))));

app.get('/api/v1/results', handle(async (req, res) => res.json(await database.result.findMany({ orderBy: [{ station: 'asc' }, { candidate: 'asc' }] }))));

app.post('/api/v1/results', signedIn, express.json(), handle(async (req, res) => {
  const { station, candidate, votes } = req.body;
  const where = { station_candidate: { station, candidate } };
  res.status(201).json(await database.result.upsert({ where, update: { votes }, create: { station, candidate, votes } }));
}));

app.put('/api/v1/forms/:station', signedIn, express.raw({ type: '*/*', limit: '10mb' }), handle(async (req, res) => {
  await storage.putObject(await bucket(), req.params.station, req.body, req.body.length, { 'Content-Type': req.get('Content-Type') || 'application/octet-stream' });
  res.sendStatus(201);
}));

app.get('/api/v1/forms/:station', signedIn, handle(async (req, res) => {
  const form = await storage.getObject(await bucket(), req.params.station).catch(() => null);
  if (!form) return res.status(404).json({ error: 'no such form' });
  form.pipe(res);
}));

app.use((e, req, res, next) => { // eslint-disable-line no-unused-vars -- Express counts the parameters
  console.error(`${req.method} ${req.path}: ${e.message}`);
  res.status(500).json({ error: 'internal error' });
});

const server = app.listen(Number(env.API_PORT || 3000), env.HOST || '::', () => console.log(`tally-api listens on ${server.address().port}`));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
