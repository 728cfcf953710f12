const { PrismaClient } = require('@prisma/client');
const { PrismaPg } = require('@prisma/adapter-pg');
const { pool } = require('./pool');

exports.database = new PrismaClient({ adapter: new PrismaPg(pool({ max: 5, connectionTimeoutMillis: 5000 })) });
