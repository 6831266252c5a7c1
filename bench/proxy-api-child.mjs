// The API server of bench/proxy.ts, a process of its own in the namespace of the proxy that it feeds: what it sends
// exists only while it is sent. It also runs the one server that really answers. Told what to do by IPC; times are
// those of the monotonic clock (nanoseconds), which all processes share.
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';

const [serviceCount, endpointCount] = process.argv.slice(2).map(Number);
const SERVER = '10.244.0.1';
const watchers = new Set();
let revision = 1_000_000;

const clusterIP = (n) => `10.${96 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
const podIP = (n) => `10.${128 + ((n >> 16) & 63)}.${(n >> 8) & 255}.${n & 255}`;
const name = (n) => `svc-${n}`;

/** As the API sends objects: with everything that a proxy does not read. */
function metadata(n, suffix, labels) {
  return {
    name: `${name(n)}${suffix}`,
    namespace: 'bench',
    uid: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
    resourceVersion: String(++revision),
    creationTimestamp: '2026-01-01T00:00:00Z',
    labels,
    managedFields: [
      {
        manager: 'kube-controller-manager',
        operation: 'Update',
        apiVersion: 'v1',
        time: '2026-01-01T00:00:00Z',
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } }, 'f:spec': { 'f:ports': {} } },
      },
    ],
  };
}

function service(n) {
  const ip = clusterIP(n);
  return {
    metadata: metadata(n, '', { app: name(n) }),
    spec: {
      type: 'ClusterIP',
      clusterIP: ip,
      clusterIPs: [ip],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
      sessionAffinity: 'None',
      selector: { app: name(n) },
      ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }],
    },
    status: { loadBalancer: {} },
  };
}

function endpoint(n, i, generation) {
  const replaced = i === 0 && generation > 0;
  const address = replaced
    ? `10.200.${(generation >> 8) & 255}.${generation & 255}`
    : podIP(n * endpointCount + i);
  return {
    addresses: [n === 1 ? SERVER : address],
    conditions: { ready: true, serving: true, terminating: false },
    nodeName: `node-${i}`,
    zone: `zone-${i % 3}`,
    targetRef: { kind: 'Pod', namespace: 'bench', name: `${name(n)}-${i}`, uid: `11111111-${n}-${i}` },
  };
}

function slice(n, generation = 0) {
  const count = n === 1 ? 1 : endpointCount;
  return {
    metadata: metadata(n, '-abcde', {
      app: name(n),
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      'kubernetes.io/service-name': name(n),
    }),
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: Array.from({ length: count }, (_, i) => endpoint(n, i, generation)),
  };
}

const self = {
  metadata: { name: 'self', resourceVersion: '1' },
  status: { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] },
};
const cidr = { metadata: { name: 'kubernetes', resourceVersion: '1' }, spec: { cidrs: ['10.96.0.0/12'] } };

function* all(resource) {
  if (resource === 'nodes') yield self;
  if (resource === 'servicecidrs') yield cidr;
  for (let n = 1; n <= serviceCount; n++) {
    if (resource === 'services') yield service(n);
    if (resource === 'endpointslices') yield slice(n);
  }
}

const line = (type, object) => `${JSON.stringify({ type, object })}\n`;

async function watch(resource, response) {
  response.writeHead(200, { 'content-type': 'application/json' });
  let text = '';
  for (const object of all(resource)) {
    text += line('ADDED', object);
    if (text.length < 1 << 18) continue;
    if (!response.write(text)) await new Promise((resolve) => response.once('drain', resolve));
    text = '';
  }
  const annotations = { 'k8s.io/initial-events-end': 'true' };
  response.write(text + line('BOOKMARK', { metadata: { resourceVersion: String(revision), annotations } }));
  if (resource !== 'endpointslices') return;
  watchers.add(response);
  response.on('close', () => watchers.delete(response));
}

const api = createServer((request, response) => {
  const resource = new URL(request.url, 'http://api').pathname.split('/').at(-1);
  void watch(resource, response);
});
/** Replaces one endpoint of a Service and says when. */
function change(n, generation) {
  const text = line('MODIFIED', slice(n, generation));
  const at = Number(process.hrtime.bigint());
  for (const watcher of watchers) watcher.write(text);
  return { key: `bench/${name(n)}`, at };
}

function changeSteadily(first, count, perSecond) {
  const changes = [];
  const started = performance.now();
  const timer = setInterval(() => {
    // Catches up when the machine let it wait, so that the rate holds.
    const due = Math.min(count, ((performance.now() - started) / 1000) * perSecond);
    while (changes.length < due) {
      const i = changes.length;
      changes.push(change(2 + ((i * 104_729) % Math.max(1, serviceCount - 1)), first + i));
    }
    if (changes.length < count) return;
    clearInterval(timer);
    process.send({ changes });
  }, 1);
}

process.on('message', ({ op, n, generation, count, perSecond }) => {
  if (op === 'change') process.send({ change: change(n, generation) });
  else changeSteadily(generation, count, perSecond);
});
process.on('disconnect', () => process.exit(0));

const server = createTcpServer((socket) => {
  socket.on('error', () => {});
  socket.end('x');
});
server.listen(8080, SERVER, 1024, () => api.listen(7080, '127.0.0.1', () => process.send({ ready: true })));
