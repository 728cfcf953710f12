const http = require('http');
const ms = require('ms');
const server = http.createServer((request, response) => response.end(`node says ${ms(60000)}\n`));
server.listen(process.env.PORT, () => console.log(`listening on ${process.env.PORT}`));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
