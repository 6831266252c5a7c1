import { existsSync } from 'node:fs';
import type { core } from '#api';
import { sleep } from '#base';
import type { Client, Informer, InformerFactory } from '#client';
import { Resources } from '#client';
import type { Programs } from '#host';
import { CLIENT_NAME } from './client-pod.js';
import { print, show, styled } from './console.js';

/** How long the demo waits for anything in the cluster. */
const PATIENCE_MS = 30_000;

/** The demo's hands: kubectl where there is one, the API, the client Pod, and programs inside nodes. */
export interface Session {
  client: Client;
  informers: InformerFactory;
  programs: Programs;
  kubeconfig: string;
  /** Path of kubectl, or undefined: then the same request goes through the API. */
  kubectl: string | undefined;
  /** Program and arguments that run a command in a node's namespaces. */
  inNode(node: string, command: string[]): { file: string; args: string[] };
}

/** `$KUBECTL`, or the kubectl on the PATH. */
export function findKubectl(): string | undefined {
  const named = process.env['KUBECTL'];
  if (named !== undefined && named !== '') return named;
  return (process.env['PATH'] ?? '')
    .split(':')
    .map((directory) => `${directory}/kubectl`)
    .find((path) => existsSync(path));
}

/** Runs kubectl and shows command and output. */
export async function kubectl(session: Session, args: string[]): Promise<string> {
  print(`   ${styled('cyan', `$ kubectl ${args.join(' ')}`)}`);
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: '/nonexistent',
    KUBECONFIG: session.kubeconfig,
    KUBECACHEDIR: `${session.kubeconfig}.cache`,
  };
  const result = await session.programs.run(session.kubectl!, args, { env });
  if (result.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${result.stderr.trim()}`);
  show(result.stdout);
  return result.stdout;
}

/** Runs a program in a node's network and returns its output. */
export async function inNode(session: Session, node: string, command: string[]): Promise<string> {
  const { file, args } = session.inNode(node, command);
  const result = await session.programs.run(file, args);
  if (result.code !== 0) throw new Error(`${command.join(' ')} on ${node}: ${result.stderr.trim()}`);
  return result.stdout;
}

/** Has the client Pod do something, through the API server's Pod proxy, and returns what it saw. */
export async function inClient<T>(
  session: Session,
  action: string,
  args: Record<string, unknown> = {},
): Promise<T> {
  const path = `/api/v1/namespaces/default/pods/${CLIENT_NAME}:9000/proxy/`;
  const { status, body } = await session.client.request('POST', path, { action, ...args });
  if (status !== 200)
    throw new Error(`the client Pod cannot be reached: ${status} ${body.toString('utf8').slice(0, 300)}`);
  const answer = JSON.parse(body.toString('utf8')) as { result: T; error?: string };
  if (answer.error !== undefined) throw new Error(`in the client Pod: ${answer.error}`);
  return answer.result;
}

/** Resolves with the first defined value of `look`, asked again after every change of the informers given. */
export function until<T>(
  what: string,
  informers: Pick<Informer<core.Pod>, 'on'>[],
  look: () => T | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const removers: (() => void)[] = [];
    const end = () => {
      clearTimeout(timer);
      for (const remove of removers) remove();
    };
    const timer = setTimeout(() => {
      end();
      reject(new Error(`waited ${PATIENCE_MS / 1000} s for ${what}`));
    }, PATIENCE_MS);
    const check = () => {
      const value = look();
      if (value === undefined) return;
      end();
      resolve(value);
    };
    // Handlers must not run the check before all of them are registered.
    const later = () => queueMicrotask(check);
    for (const informer of informers)
      removers.push(informer.on({ add: later, update: later, delete: later }));
    later();
  });
}

/** Asks again until there is a value: for what nobody announces. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await sleep(20)) {
    const value = await look();
    if (value !== undefined) return value;
  }
  throw new Error(`waited ${PATIENCE_MS / 1000} s for ${what}`);
}

export function isReady(pod: core.Pod): boolean {
  return (
    pod.metadata.deletionTimestamp === undefined &&
    pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true
  );
}

/** Ready Pods with this `app` label. */
export function readyPods(session: Session, app: string): core.Pod[] {
  return session.informers
    .informer(Resources.pods)
    .inNamespace('default')
    .filter((p) => p.metadata.labels?.['app'] === app && isReady(p));
}
