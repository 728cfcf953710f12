// Fills an empty database; on one that is filled it changes nothing but the administrator's password.
const { database } = require('../dist/database');
const { hashPassword } = require('../dist/auth');

const policies = { 'results.enter': ['admin', 'observer'], 'results.read': ['admin', 'observer', 'public'], 'forms.upload': ['admin', 'observer'] };
const configurations = { 'tally.stations': '46229', 'tally.autoConfirm': 'false' };

async function seed() {
  const name = process.env.ADMIN_USER || 'admin';
  const password = hashPassword(process.env.ADMIN_PASSWORD || 'change-me');
  for (const [policy, roles] of Object.entries(policies)) {
    await database.policy.upsert({ where: { name: policy }, update: {}, create: { name: policy, roles } });
    console.log(`policy ${policy}: ${roles.join(', ')}`);
  }
  for (const [key, value] of Object.entries(configurations)) {
    await database.configuration.upsert({ where: { key }, update: {}, create: { key, value } });
    console.log(`configuration ${key} = ${value}`);
  }
  await database.user.upsert({ where: { name }, update: { password }, create: { name, password } });
  console.log(`user ${name}`);
}

seed().finally(() => database.$disconnect());
