// Prisma without its native engines: migrations go through the same driver as the application's queries.
import { createRequire } from 'node:module';
import { PrismaPg } from '@prisma/adapter-pg';

const { pool } = createRequire(import.meta.url)('./dist/pool.js');

export default {
  schema: 'prisma/schema.prisma',
  experimental: { adapter: true },
  engine: 'js',
  adapter: async () => new PrismaPg(pool({ idleTimeoutMillis: 200 })),
};
