import { createReadStream } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { freemem, loadavg, totalmem } from 'node:os';
import { posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { PodManager } from '../pods/pod-manager.js';
import { podStatus } from '../pods/pod-status.js';
import { HttpError } from './http-error.js';

export function sendJson(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

/** `/pods`: the node's pods with the status that the agent would write now. */
export function podList(manager: PodManager, now: number, onlyRunning: boolean): unknown {
  const workers = manager.workers.filter(
    (worker) => !onlyRunning || worker.environment.sandbox !== undefined,
  );
  return {
    kind: 'PodList',
    apiVersion: 'v1',
    metadata: {},
    items: workers.map((worker) => ({ ...worker.pod, status: podStatus(worker.pod, worker.view(), now) })),
  };
}

/** `/stats/summary` in its basic form: which pods there are, and the node's memory. */
export function statsSummary(manager: PodManager, nodeName: string, now: number): unknown {
  const time = new Date(now).toISOString();
  return {
    node: {
      nodeName,
      cpu: { time, usageNanoCores: Math.round((loadavg()[0] ?? 0) * 1e9) },
      memory: { time, availableBytes: freemem(), usageBytes: totalmem() - freemem() },
    },
    pods: manager.workers.map(({ pod: { metadata }, units }) => ({
      podRef: { name: metadata.name, namespace: metadata.namespace, uid: metadata.uid },
      containers: units.all
        .filter((unit) => unit.container !== undefined)
        .map((unit) => ({ name: unit.name, startTime: new Date(unit.container!.startedAt).toISOString() })),
    })),
  };
}

/** `/logs/...`: files and listings below one directory; links that lead out of it are not followed. */
export async function serveFiles(root: string, path: string, response: ServerResponse): Promise<void> {
  const base = await realpath(root).catch(() => undefined);
  const wanted =
    base === undefined
      ? undefined
      : await realpath(posix.join(base, posix.normalize(`/${path}`))).catch(() => undefined);
  if (base === undefined || wanted === undefined || !(wanted === base || wanted.startsWith(`${base}/`)))
    throw new HttpError(404, '404 page not found');
  const stats = await stat(wanted);
  if (stats.isDirectory()) {
    const names = await readdir(wanted, { withFileTypes: true });
    const links = names.map((entry) => {
      const name = entry.name + (entry.isDirectory() ? '/' : '');
      return `<a href="${encodeURI(name)}">${name.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`)}</a>`;
    });
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(`<pre>\n${links.join('\n')}\n</pre>\n`);
    return;
  }
  if (!stats.isFile()) throw new HttpError(404, '404 page not found');
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'content-length': stats.size });
  await pipeline(createReadStream(wanted, { end: Math.max(0, stats.size - 1) }), response);
}
