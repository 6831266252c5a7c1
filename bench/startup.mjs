// From the start of `kubesvc up` on a warm machine to the first byte answered through the ClusterIP of a stored Service
// with stored Pods, next to its parts, and the control plane's resident memory.
//
//   npm run bench -- startup [--runs 5] [--nodes 2]
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = join(root, 'bin/kubesvc');
const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const runs = option('runs', 5);
const nodes = option('nodes', 2);
const dataDir = mkdtempSync(join(tmpdir(), 'kubesvc-bench-'));
const statePath = join(dataDir, 'run/up.json');

function start() {
  const t0 = performance.now();
  const child = spawn(
    process.execPath,
    [bin, 'up', '--data-dir', dataDir, '--port', '0', '--nodes', String(nodes), '-o', 'json'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const summary = new Promise((resolve, reject) => {
    child.stdout.once('data', (d) => resolve({ at: performance.now() - t0, ...JSON.parse(d) }));
    child.once('exit', (code) => reject(new Error(`kubesvc up ended: ${code}`)));
  });
  return { t0, child, summary };
}

async function stop(child) {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

function exec(file, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (d) => (out += d));
    child.stderr.on('data', (d) => (err += d));
    child.once('close', (code) =>
      code === 0 ? resolve(out) : reject(new Error(`${file} ${args.join(' ')}: ${err}`)),
    );
  });
}

const kubectl = (kubeconfig, ...args) =>
  exec(process.env.KUBECTL ?? 'kubectl', [
    `--kubeconfig=${kubeconfig}`,
    `--cache-dir=${dataDir}/kubectl-cache`,
    ...args,
  ]);

/** Asks through the ClusterIP from inside node-1 until something answers; resolves with the time of the answer. */
async function firstByte(ip) {
  let state;
  for (;;) {
    try {
      state = JSON.parse(readFileSync(statePath, 'utf8'));
      if (state.nodes.every((n) => n.pid > 0)) break;
    } catch {
      // Not written yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  const inside = ['--net', '--mount', '--pid', '--ipc', '--uts', '--'];
  const user = state.rootless ? ['--user', '--preserve-credentials'] : [];
  const loop = `until curl -s -o /dev/null -m 0.5 http://${ip}/; do :; done`;
  await exec(
    'nsenter',
    [
      '--target',
      state.initPid,
      ...user,
      ...inside,
      'nsenter',
      '--target',
      state.nodes[0].pid,
      ...inside,
      'sh',
      '-c',
      loop,
    ].map(String),
  );
  return performance.now();
}

const rss = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;

const quantile = (values, q) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))];

try {
  const cpu = cpus();
  console.log(`startup: ${new Date().toISOString()}`);
  console.log(
    `${cpu.length} × ${cpu[0].model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}`,
  );
  console.log(`command: npm run bench -- startup --runs ${runs} --nodes ${nodes}`);
  const cold = start();
  const first = await cold.summary;
  await kubectl(first.kubeconfig, 'apply', '-f', join(root, 'examples/hello.yaml'));
  await kubectl(first.kubeconfig, 'rollout', 'status', 'deployment/hello', '--timeout=60s');
  const ip = await kubectl(first.kubeconfig, 'get', 'service', 'hello', '-o', 'jsonpath={.spec.clusterIP}');
  await stop(cold.child);
  const node = [];
  for (let i = 0; i < runs; i++) {
    const t = performance.now();
    await exec(process.execPath, ['-e', '0']);
    node.push(performance.now() - t);
  }
  const up = [];
  const byte = [];
  const memory = [];
  for (let i = 0; i < runs; i++) {
    const { t0, child, summary } = start();
    const answered = firstByte(ip);
    up.push((await summary).at);
    byte.push((await answered) - t0);
    memory.push(rss(child.pid));
    await stop(child);
  }
  const row = (what, values, unit) =>
    console.log(
      `${what.padEnd(58)} p50 ${quantile(values, 0.5).toFixed(0).padStart(6)} ${unit}   p99 ${quantile(values, 0.99).toFixed(0).padStart(6)} ${unit}`,
    );
  console.log(`first start, certificates made${' '.repeat(29)}     ${first.at.toFixed(0).padStart(6)} ms`);
  row('limit: `node -e 0` on this machine', node, 'ms');
  row('start to summary (API, nodes, rules and DNS are up)', up, 'ms');
  row('start to the first byte through the stored ClusterIP', byte, 'ms');
  row('resident memory of the control plane', memory, 'MB');
  console.log(
    `ratio first byte / limit: ${(quantile(byte, 0.5) / quantile(node, 0.5)).toFixed(1)}   (aims: first byte 1000 ms, memory 120 MB)`,
  );
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}
