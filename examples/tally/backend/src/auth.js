// Passwords (scrypt) and tokens (HMAC with JWT_SECRET); a token's session is in Redis, so that it can be ended.
const crypto = require('node:crypto');

exports.hashPassword = (password, salt = crypto.randomBytes(16).toString('hex')) =>
  `${salt}:${crypto.scryptSync(password, salt, 32).toString('hex')}`;

exports.passwordMatches = (password, hash) => {
  const given = exports.hashPassword(password, hash.split(':')[0]);
  return crypto.timingSafeEqual(Buffer.from(given), Buffer.from(hash));
};

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const sign = (text) => crypto.createHmac('sha256', process.env.JWT_SECRET).update(text).digest('base64url');

exports.tokenFor = (user, session) => {
  const body = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ sub: user, jti: session })}`;
  return `${body}.${sign(body)}`;
};

// What the token says, or null when nobody here signed it.
exports.readToken = (token) => {
  const [head, body, signature = ''] = token.split('.');
  const expected = Buffer.from(sign(`${head}.${body}`)), given = Buffer.from(signature);
  if (expected.length !== given.length || !crypto.timingSafeEqual(expected, given)) return null;
  return JSON.parse(Buffer.from(body, 'base64url'));
};
