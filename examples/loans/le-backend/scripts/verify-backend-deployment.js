#!/usr/bin/env node
// Looks whether the backend's folder has what a deployment needs, before it is pushed.
const fs = require("fs");
const path = require("path");

const root = path.join(__dirname, "..");
const read = (file) => fs.readFileSync(path.join(root, file), "utf8");
const has = (file, text) => fs.existsSync(path.join(root, file)) && (!text || read(file).includes(text));

const checks = [
  ["railway.toml has a start command", has("railway.toml", "startCommand")],
  ["railway.toml has a health check", has("railway.toml", 'healthcheckPath = "/api/v1/health"')],
  ["the start command migrates first", has("railway.toml", "alembic upgrade head &&")],
  ["the Dockerfile listens on PORT", has("Dockerfile", "${PORT:-8000}")],
  ["requirements.txt has the asynchronous driver", has("requirements.txt", "asyncpg")],
  ["alembic.ini leads to the migrations", has("alembic.ini", "script_location = migrations")],
  ["there are migrations", fs.readdirSync(path.join(root, "migrations/versions")).some((f) => f.endsWith(".py"))],
  ["database URLs are converted for the driver", has("app/core/config.py", "postgresql+asyncpg://")],
  ["the health endpoint is there", has("app/routers/health.py", "/health")],
  [".env.production holds no secrets", !/SECRET_KEY=[0-9a-f]{32}/.test(read(".env.production"))],
];

for (const [name, good] of checks) console.log(`${good ? "✓" : "✗"} ${name}`);
const failed = checks.filter(([, good]) => !good).length;
console.log(failed ? `${failed} of ${checks.length} checks failed` : "Backend is ready for deployment");
process.exit(failed ? 1 : 0);
