import type { core } from '#api';

/**
 * The program of the demo's client Pod: a small HTTP server that does what it is told from inside the Pod and
 * answers with what it saw. It uses what every Pod has: resolv.conf, the environment, its service account.
 */
const CLIENT_PROGRAM = `
const http = require('http'), https = require('https'), dns = require('dns'), fs = require('fs');
const get = (url) => new Promise((resolve) => {
  const request = http.get(url, { agent: false, timeout: 3000 }, (response) => {
    let text = '';
    response.on('data', (chunk) => (text += chunk)).on('end', () => resolve({ pod: text.trim().split(' ')[0], text: text.trim() }));
  });
  request.on('timeout', () => request.destroy(new Error('timeout'))).on('error', (error) => resolve({ error: error.code || error.message }));
});
const count = (results) => {
  const pods = {}, errors = {};
  for (const r of results) r.error ? (errors[r.error] = (errors[r.error] || 0) + 1) : (pods[r.pod] = (pods[r.pod] || 0) + 1);
  return { pods, errors, total: results.length };
};
let load;
const actions = {
  async dns({ name, type }) { return dns.promises.resolve(name, type); },
  async lookup({ name }) { return dns.promises.lookup(name); },
  async resolvconf() { return fs.readFileSync('/etc/resolv.conf', 'utf8'); },
  async env({ prefix }) { return Object.fromEntries(Object.entries(process.env).filter(([k]) => k.startsWith(prefix)).sort()); },
  async requests({ url, n, parallel }) {
    const results = []; let next = 0;
    await Promise.all(Array.from({ length: parallel }, async () => { while (next++ < n) results.push(await get(url)); }));
    return count(results);
  },
  async api({ path }) {
    const dir = '/var/run/secrets/kubernetes.io/serviceaccount/';
    const token = fs.readFileSync(dir + 'token', 'utf8'), ca = fs.readFileSync(dir + 'ca.crt');
    return new Promise((resolve, reject) => https.get('https://kubernetes.default.svc' + path, { ca, headers: { authorization: 'Bearer ' + token } }, (response) => {
      let text = ''; response.on('data', (c) => (text += c)).on('end', () => resolve({ status: response.statusCode, body: JSON.parse(text) }));
    }).on('error', reject));
  },
  async startload({ url, parallel }) {
    const results = []; let running = true;
    const workers = Array.from({ length: parallel }, async () => { while (running) { results.push(await get(url)); await new Promise((r) => setTimeout(r, 2)); } });
    load = async () => { running = false; await Promise.all(workers); return count(results); };
    return 'started';
  },
  async stopload() { return load(); },
};
http.createServer((request, response) => {
  let text = '';
  request.on('data', (chunk) => (text += chunk)).on('end', async () => {
    try {
      const { action, ...args } = JSON.parse(text);
      response.end(JSON.stringify({ result: await actions[action](args) }));
    } catch (error) {
      response.end(JSON.stringify({ error: error.message, code: error.code }));
    }
  });
}).listen(9000, () => console.log('client ready'));
process.on('SIGTERM', () => process.exit(0));
`;

export const CLIENT_NAME = 'client';

/** The client Pod; its service account may read Services. */
export function clientPod(node: string): core.Pod {
  return {
    metadata: { name: CLIENT_NAME, namespace: 'default', labels: { app: CLIENT_NAME } },
    spec: {
      nodeName: node,
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: 'client',
          image: 'host',
          command: ['node', '-e', CLIENT_PROGRAM],
          ports: [{ containerPort: 9000 }],
          readinessProbe: { httpGet: undefined, tcpSocket: { port: 9000 }, periodSeconds: 1 },
        },
      ],
    },
  };
}
