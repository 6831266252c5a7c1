// Sends the flow tables as real connections through the userspace mode, in the network namespace it is started in, where
// every address of the tables is local. Prints one JSON line: what came of each flow of each table.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { createMetrics, silentLogger, systemClock } from '#base';
import { createPrograms } from '#host';
import type { NodeSettings } from '../../src/proxy/contract.js';
import type { TestCluster } from '../../src/proxy/testing/cluster.js';
import { flowTables } from '../../src/proxy/testing/flow-tables.js';
import { desiredOf, type Flow, NODE_IP } from '../../src/proxy/testing/flows.js';
import { policyFlowTables } from '../../src/proxy/testing/policy-flow-tables.js';
import { UserspaceProxier } from '../../src/proxy/userspace/proxier.js';

/** Enough to meet each of three endpoints, but for one run in ten million. */
const TRIES = 40;
const SILENCE_MS = 300;

const addressOf = (text: string) => text.replace(/(^|\.)0+(?=\d)/g, '$1');

function endpointsOf(cluster: TestCluster): Set<string> {
  const found = new Set<string>();
  for (const slice of cluster.slicesByName.values()) {
    for (const { addresses } of slice.endpoints ?? []) {
      for (const { port } of slice.ports ?? []) found.add(`${addressOf(addresses[0]!)}:${port}`);
    }
  }
  return found;
}

/** Endpoints that answer with their own name, by TCP and UDP. */
async function serveEndpoints(names: Iterable<string>): Promise<() => void> {
  const open: (Server | ReturnType<typeof createSocket>)[] = [];
  for (const name of names) {
    const [host, port] = [
      name.slice(0, name.lastIndexOf(':')),
      Number(name.slice(name.lastIndexOf(':') + 1)),
    ];
    const server = createServer((socket) => socket.on('error', () => {}).end(name));
    server.listen(port, host);
    const udp = createSocket('udp4');
    udp.on('message', (_, from) => udp.send(name, from.port, from.address));
    udp.bind(port, host);
    open.push(server, udp);
    await Promise.all([once(server, 'listening'), once(udp, 'listening')]);
  }
  return () => {
    for (const one of open) one.close();
  };
}

const FAILURES: Record<string, string> = { ECONNREFUSED: 'REJECT', ECONNRESET: 'DROP' };

/** An endpoint's name, or REJECT, DROP, or '' when the address leads nowhere. */
function askTcp(flow: Flow): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: flow.destination, port: flow.port, localAddress: flow.source });
    let text = '';
    socket.on('data', (data) => {
      text += String(data);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(FAILURES[error.code ?? ''] ?? ''));
    socket.on('close', () => resolve(text));
  });
}

function askUdp(flow: Flow): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const done = (text: string) => {
      clearTimeout(timer);
      socket.close();
      resolve(text);
    };
    const timer = setTimeout(() => done('DROP'), SILENCE_MS);
    socket.on('message', (text) => done(String(text)));
    socket.on('error', (error: NodeJS.ErrnoException) => done(FAILURES[error.code ?? ''] ?? ''));
    socket.bind(0, flow.source, () => socket.connect(flow.port, flow.destination, () => socket.send('?')));
  });
}

async function outcome(flow: Flow): Promise<string> {
  const found = new Set<string>();
  for (let i = 0; i < TRIES; i++) found.add(await (flow.protocol === 'udp' ? askUdp(flow) : askTcp(flow)));
  return [...found].sort().join(', ');
}

async function replay(cluster: TestCluster, flows: Flow[], settings: NodeSettings): Promise<string[]> {
  const proxier = new UserspaceProxier({
    family: 'IPv4',
    programs,
    logger: silentLogger,
    clock: systemClock,
    metrics: createMetrics(),
    timeouts: { udpMs: 30_000, streamMs: 120_000 },
    localAddresses: () => [NODE_IP],
  });
  const close = await serveEndpoints(endpointsOf(cluster));
  await proxier.resync((await desiredOf(cluster)).owned(), settings);
  const results: string[] = [];
  for (const flow of flows) results.push(flow.protocol === 'sctp' ? '' : await outcome(flow));
  await proxier.stop();
  close();
  return results;
}

const programs = createPrograms({ logger: silentLogger });
await programs.start();
const results: string[][] = [];
for (const { cluster, flows, settings } of [...flowTables, ...policyFlowTables]) {
  results.push(await replay(cluster, flows, settings));
}
await programs.stop();
process.stdout.write(`${JSON.stringify(results)}\n`);
