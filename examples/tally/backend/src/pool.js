// Connections to Postgres.
const pg = require('pg');

// Types of Postgres' own catalogue that Prisma's migrations read and its driver does not know: "char" and name, as text.
const plain = { 18: 25, 19: 25, 1002: 1009, 1003: 1009 };

function asText(result) {
  for (const field of result?.fields ?? []) field.dataTypeID = plain[field.dataTypeID] ?? field.dataTypeID;
  return result;
}

class Client extends pg.Client {
  query(...args) {
    const done = args.at(-1);
    if (typeof done === 'function') return super.query(...args.slice(0, -1), (e, result) => done(e, asText(result)));
    return super.query(...args).then(asText);
  }
}

exports.pool = (options) => new pg.Pool({ Client, connectionString: process.env.DATABASE_URL, ...options });
