// The parts of bench/proxy-userspace.ts: the proxy, and as processes of their own the server and the client.
import { execFileSync, fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createMetrics, silentLogger, systemClock } from '#base';
import { createInformerFactory, Resources } from '#client';
import { createPrograms } from '#host';
import { createProxy, loadProxyConfig } from '#proxy';
import { FakeClient } from '../src/client/testing/fake-client.js';

const SERVER = '10.244.0.1';
const VIP = '10.96.0.10';
const NODE = '192.0.2.1';
const PARALLEL = 16;
const CHUNK = Buffer.alloc(1 << 18);
const [, , role, ...args] = process.argv;

/** Answers small requests, takes in bulk (a first byte of 1), and sends datagrams back. */
function serve() {
  createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.once('data', (first) => {
      if (first[0] === 1) socket.resume().once('end', () => socket.end('k'));
      else socket.end('x');
    });
  }).listen(8080, SERVER);
  const udp = createSocket('udp4');
  udp.on('message', (data, from) => udp.send(data, from.port, from.address));
  udp.bind(8080, SERVER, () => process.send('ready'));
}

async function connections(host, port, until) {
  let count = 0;
  while (Date.now() < until) {
    const socket = connect({ host, port });
    socket.on('error', () => {});
    socket.write('\0');
    socket.resume();
    await once(socket, 'close');
    count++;
  }
  return count;
}

async function datagrams(host, port, until) {
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.connect(port, host, resolve));
  let count = 0;
  while (Date.now() < until) {
    const answer = once(socket, 'message');
    socket.send('?');
    await answer;
    count++;
  }
  socket.close();
  return count;
}

/** Seconds that so many megabytes take. */
async function bulk(host, port, megabytes) {
  const socket = connect({ host, port, allowHalfOpen: true });
  const begun = Date.now();
  const first = Buffer.from(CHUNK);
  first[0] = 1;
  for (let i = 0; i < megabytes * 4; i++) {
    if (!socket.write(i === 0 ? first : CHUNK)) await once(socket, 'drain');
  }
  socket.end();
  await once(socket, 'data');
  return (Date.now() - begun) / 1000;
}

/** Does one measurement per message: `[what, host, port, amount]`. */
function ask() {
  process.on('message', async ([what, host, port, amount]) => {
    if (what === 'bulk') return process.send(await bulk(host, port, amount));
    const one = what === 'tcp' ? connections : datagrams;
    const until = Date.now() + amount * 1000;
    const counts = await Promise.all(Array.from({ length: PARALLEL }, () => one(host, port, until)));
    process.send(counts.reduce((sum, n) => sum + n, 0));
  });
  process.send('ready');
}

async function part(name) {
  const child = fork(fileURLToPath(import.meta.url), [name]);
  await once(child, 'message');
  return child;
}

async function startProxy() {
  const api = new FakeClient();
  const ports = ['TCP', 'UDP'].map((protocol) => ({ name: protocol.toLowerCase(), port: 80, protocol }));
  api.seed(Resources.nodes, {
    metadata: { name: 'self' },
    status: { addresses: [{ type: 'InternalIP', address: NODE }] },
  });
  api.seed(Resources.serviceCIDRs, { metadata: { name: 'kubernetes' }, spec: { cidrs: ['10.96.0.0/16'] } });
  api.seed(Resources.services, {
    metadata: { name: 'web', namespace: 'bench' },
    spec: { clusterIP: VIP, clusterIPs: [VIP], ports },
  });
  api.seed(Resources.endpointSlices, {
    metadata: { name: 'web-1', namespace: 'bench', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: ports.map((port) => ({ ...port, port: 8080 })),
    endpoints: [{ addresses: [SERVER], nodeName: 'self' }],
  });
  const programs = createPrograms({ logger: silentLogger });
  await programs.start();
  const fields = { mode: 'userspace', healthzBindAddress: '', metricsBindAddress: '' };
  const { config } = loadProxyConfig('', fields);
  const informers = createInformerFactory(api, { logger: silentLogger });
  const rest = { programs, logger: silentLogger, metrics: createMetrics(), clock: systemClock };
  await createProxy(
    { config, nodeName: 'self', families: ['IPv4'] },
    { client: api, informers, ...rest },
  ).start();
}

async function measure(seconds, megabytes) {
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  for (const address of [SERVER, NODE]) execFileSync('ip', ['addr', 'add', `${address}/32`, 'dev', 'lo']);
  await startProxy();
  const [server, client] = [await part('serve'), await part('ask')];
  const run = async (...order) => {
    const before = process.cpuUsage();
    client.send(order);
    const [result] = await once(client, 'message');
    const { user, system } = process.cpuUsage(before);
    return { result, cpuMs: (user + system) / 1000 };
  };
  const rows = [];
  for (const what of ['tcp', 'udp']) {
    const direct = await run(what, SERVER, 8080, seconds);
    const relayed = await run(what, VIP, 80, seconds);
    rows.push({
      measure: what === 'tcp' ? 'connections per second' : 'UDP round trips per second',
      direct: Math.round(direct.result / seconds),
      relayed: Math.round(relayed.result / seconds),
      'proxy CPU': `${Math.round((relayed.cpuMs * 1000) / relayed.result)} µs each`,
    });
  }
  const direct = await run('bulk', SERVER, 8080, megabytes);
  const relayed = await run('bulk', VIP, 80, megabytes);
  rows.push({
    measure: 'MB per second, one connection',
    direct: Math.round(megabytes / direct.result),
    relayed: Math.round(megabytes / relayed.result),
    'proxy CPU': `${Math.round((relayed.cpuMs * 1024) / megabytes)} ms per GB`,
  });
  console.log(JSON.stringify(rows));
  for (const child of [server, client]) child.kill();
  process.exit(0);
}

if (role === 'serve') serve();
else if (role === 'ask') ask();
else await measure(Number(args[0]), Number(args[1]));
