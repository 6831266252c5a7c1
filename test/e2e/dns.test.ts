import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeDirectory, temporaryDirectory } from './harness.js';
import { IDLE, pod, service } from './manifests.js';
import { useCluster, useSpace } from './space.js';

const TIMEOUT = { timeout: 60_000, interval: 500 };

/** Prints the addresses that the C library finds, as `getent ahosts` does for glibc. */
const LOOKUP = `
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
int main(int n, char **v) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all, *a;
  int error = getaddrinfo(v[1], "80", &hints, &all);
  if (error) return fprintf(stderr, "%s\\n", gai_strerror(error)), 1;
  for (a = all; a; a = a->ai_next) {
    char text[64];
    getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, 0, 0, NI_NUMERICHOST);
    puts(text);
  }
}
`;

/** As Go's resolver asks: A and AAAA at once from one socket, whichever answer comes first. */
const PARALLEL = `
  const [server] = require('dns').getServers();
  const socket = require('dgram').createSocket('udp4');
  const query = (id, type) => Buffer.concat([
    Buffer.from([0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    ...process.argv[1].split('.').map((l) => Buffer.concat([Buffer.from([l.length]), Buffer.from(l)])),
    Buffer.from([0, 0, type, 0, 1]),
  ]);
  const answers = {};
  socket.on('message', (m) => {
    answers[m[1]] = [m[3] & 15, m.readUInt16BE(6)];
    if (Object.keys(answers).length === 2) { console.log(JSON.stringify(answers)); socket.close(); }
  });
  socket.connect(53, server, () => { socket.send(query(1, 1)); socket.send(query(2, 28)); });
`;

describe('cluster DNS from Pods', () => {
  const cluster = useCluster(['--nodes', '1']);
  const newSpace = useSpace(cluster);
  // Not in /tmp itself: Pods share the host's files, apart from the cluster's own.
  const directory = temporaryDirectory();
  const musl = join(directory, 'lookup');
  beforeAll(() => {
    writeFileSync(`${musl}.c`, LOOKUP);
    execFileSync('musl-gcc', ['-static', '-o', musl, `${musl}.c`]);
  });
  afterAll(() => removeDirectory(directory));

  it('is read alike by glibc, musl, Python, Node and resolvers that ask for both families at once', async () => {
    const s = await newSpace();
    await s.apply(pod('client', IDLE), service('web'));
    await s.ready('pod --all');
    const ip = await s.field('service web', '{.spec.clusterIP}');
    const node = (code: string, ...args: string[]) => s.exec('client', 'node', '-e', code, ...args);
    const full = `web.${s.namespace}.svc.cluster.local`;
    await expect.poll(() => s.exec('client', 'dig', '+short', full), TIMEOUT).toBe(`${ip}\n`);
    for (const name of ['web', `web.${s.namespace}.svc`, full, `${full}.`]) {
      const glibc = await s.exec('client', 'getent', 'ahosts', name);
      expect(
        new Set(
          glibc
            .trim()
            .split('\n')
            .map((l) => l.split(' ')[0]),
        ),
      ).toEqual(new Set([ip]));
      expect((await s.exec('client', musl, name)).trim()).toBe(ip);
      const lookup = `require('dns').lookup(process.argv[1], {all: true}, (e, a) => console.log(e ?? a.map((x) => x.address).join()))`;
      expect((await node(lookup, name)).trim()).toBe(ip);
    }
    const python = `import socket; print({a[4][0] for a in socket.getaddrinfo('web', 80)})`;
    expect((await s.exec('client', 'python3', '-c', python)).trim()).toBe(`{'${ip}'}`);
    const resolve = `require('dns').resolve4(process.argv[1], (e, a) => console.log(e ?? a.join()))`;
    expect((await node(resolve, full)).trim()).toBe(ip);
    // One address for A; no error and nothing for AAAA: the name exists for all types.
    expect(JSON.parse(await node(PARALLEL, full))).toEqual({ 1: [0, 1], 2: [0, 0] });
    expect(JSON.parse(await node(PARALLEL, `no-${full}`))).toEqual({ 1: [3, 0], 2: [3, 0] });
  });

  it('follows ConfigMap coredns, whose Corefile it is', async () => {
    const s = await newSpace();
    await s.apply(pod('client', IDLE));
    await s.ready('pod --all');
    const ask = () => s.exec('client', 'dig', '+short', 'added.test');
    const system = ['-n', 'kube-system'];
    const before = await cluster().ok([
      ...system,
      'get',
      'configmap',
      'coredns',
      '-o',
      'jsonpath={.data.Corefile}',
    ]);
    const corefile = before.replace(
      'loadbalance',
      'hosts {\n 192.0.2.7 added.test\n fallthrough\n }\n loadbalance',
    );
    const patch = JSON.stringify({ data: { Corefile: corefile } });
    await cluster().ok([...system, 'patch', 'configmap', 'coredns', '--type=merge', '-p', patch]);
    await expect.poll(ask, TIMEOUT).toBe('192.0.2.7\n');
    await cluster().ok([...system, 'delete', 'configmap', 'coredns']);
    await expect.poll(ask, TIMEOUT).toBe('');
  });
});
