import { type core, Errors, FieldErrors, StatusError } from '#api';
import { AllocationError } from '../../allocators/bands.js';
import type { NodePorts, PortSession } from '../../allocators/node-ports.js';
import {
  allocatesNodePorts,
  needsHealthCheckPort,
  needsNodePort,
  nodePortsOf,
  type Service,
} from './fields.js';

/** What a write did to node ports: taken now, to be given back when the write succeeds. */
export interface PortChange {
  taken: number[];
  toRelease: number[];
}

/** The values that a transaction settled on; applied to the object once the bitmap is stored. */
interface Outcome extends PortChange {
  nodePorts: Map<core.ServicePort, number>;
  healthCheck?: number;
}

const nothing = (): PortChange => ({ taken: [], toRelease: [] });

/** Remembers what it took, so that a failed write can give it back. */
class Taker {
  readonly outcome: Outcome = { taken: [], toRelease: [], nodePorts: new Map() };
  readonly #session: PortSession;
  readonly #service: Service;
  constructor(session: PortSession, service: Service) {
    this.#session = session;
    this.#service = service;
  }

  /** A port that the user asked for. */
  exactly(port: number, index: number): void {
    try {
      this.#session.allocate(port);
    } catch (error) {
      if (!(error instanceof AllocationError)) throw error;
      throw Errors.invalid({ group: '', kind: 'Service' }, this.#service.metadata.name ?? '', [
        FieldErrors.invalid(`spec.ports[${index}].nodePort`, port, error.message),
      ]);
    }
    this.outcome.taken.push(port);
  }

  any(what: string): number {
    try {
      const port = this.#session.allocateNext();
      this.outcome.taken.push(port);
      return port;
    } catch (error) {
      if (!(error instanceof AllocationError)) throw error;
      throw Errors.internal(`failed to allocate a ${what}: ${error.message}`, error);
    }
  }

  healthCheck(): void {
    const wanted = this.#service.spec.healthCheckNodePort ?? 0;
    if (wanted === 0) {
      this.outcome.healthCheck = this.any('HealthCheck NodePort 0');
      return;
    }
    try {
      this.#session.allocate(wanted);
    } catch (error) {
      if (!(error instanceof AllocationError)) throw error;
      const why = `failed to allocate requested HealthCheck NodePort ${wanted}: ${error.message}`;
      throw Errors.internal(why, error);
    }
    this.outcome.taken.push(wanted);
  }
}

function run(
  ports: NodePorts,
  dryRun: boolean,
  service: Service,
  body: (taker: Taker) => void,
): Promise<PortChange> {
  const transaction = (session: PortSession): Outcome => {
    const taker = new Taker(session, service);
    body(taker);
    return taker.outcome;
  };
  return (dryRun ? ports.dryRun(transaction) : ports.transact(transaction)).then((outcome) => {
    for (const [port, nodePort] of outcome.nodePorts) port.nodePort = nodePort;
    if (outcome.healthCheck !== undefined) service.spec.healthCheckNodePort = outcome.healthCheck;
    return dryRun ? nothing() : { taken: outcome.taken, toRelease: outcome.toRelease };
  });
}

/** Node ports for a new Service. Ports with the same number share one node port across protocols. */
export async function takePorts(service: Service, ports: NodePorts, dryRun: boolean): Promise<PortChange> {
  const wantsPorts =
    needsNodePort(service) && (allocatesNodePorts(service) || nodePortsOf(service).length > 0);
  if (!wantsPorts && !needsHealthCheckPort(service)) return nothing();
  return run(ports, dryRun, service, (taker) => {
    if (wantsPorts) takeNew(service, taker);
    if (needsHealthCheckPort(service)) taker.healthCheck();
  });
}

function takeNew(service: Service, taker: Taker): void {
  const list = service.spec.ports ?? [];
  const chosen = new Map<number, number>();
  const { nodePorts } = taker.outcome;
  for (const [i, port] of list.entries()) {
    const own = nodePorts.get(port) ?? port.nodePort ?? 0;
    if (own === 0 && !allocatesNodePorts(service)) continue;
    const shared = chosen.get(port.port);
    if (shared === undefined) {
      const wanted = list.find((p) => p.port === port.port && (p.nodePort ?? 0) !== 0)?.nodePort;
      if (wanted !== undefined) taker.exactly(wanted, i);
      const nodePort = wanted ?? taker.any('nodePort');
      nodePorts.set(port, nodePort);
      chosen.set(port.port, nodePort);
    } else if (own === 0) {
      nodePorts.set(port, shared);
    } else if (own !== shared) {
      taker.exactly(own, i);
    }
  }
}

/** Node ports of an update; each new port gets one of its own, freed ones are given back after the write. */
export async function changePorts(
  service: Service,
  old: Service,
  ports: NodePorts,
  dryRun: boolean,
): Promise<PortChange> {
  if (!needsNodePort(old) && !needsNodePort(service)) return nothing();
  const before = nodePortsOf(old);
  const checks = { was: needsHealthCheckPort(old), is: needsHealthCheckPort(service) };
  const same = nodePortsOf(service).length === (service.spec.ports ?? []).length && !checks.was && !checks.is;
  if (same && sameNumbers(before, nodePortsOf(service))) {
    if (needsNodePort(service)) refuseDuplicates(service, new Map());
    else return { taken: [], toRelease: before };
    return nothing();
  }
  return run(ports, dryRun, service, (taker) => {
    const { outcome } = taker;
    if (needsNodePort(service)) takeChanged(service, before, taker);
    else outcome.toRelease.push(...before);
    if (!checks.was && checks.is) taker.healthCheck();
    if (checks.was && !checks.is && old.spec.healthCheckNodePort) {
      outcome.toRelease.push(old.spec.healthCheckNodePort);
    }
  });
}

function sameNumbers(a: number[], b: number[]): boolean {
  return a.length === b.length && a.every((port) => b.includes(port));
}

function takeChanged(service: Service, before: number[], taker: Taker): void {
  const { nodePorts, toRelease } = taker.outcome;
  const taken = new Set<number>();
  for (const [i, port] of (service.spec.ports ?? []).entries()) {
    const own = port.nodePort ?? 0;
    if (own !== 0) {
      if (!before.includes(own) && !taken.has(own)) taker.exactly(own, i);
      taken.add(own);
    } else if (allocatesNodePorts(service)) {
      nodePorts.set(port, taker.any('nodePort'));
    }
  }
  refuseDuplicates(service, nodePorts);
  const after = new Set((service.spec.ports ?? []).map((port) => nodePorts.get(port) ?? port.nodePort ?? 0));
  toRelease.push(...before.filter((port) => !after.has(port)));
}

/** Upstream refuses this before validation can, with a plain error (500). */
function refuseDuplicates(service: Service, nodePorts: Map<core.ServicePort, number>): void {
  const seen = new Set<string>();
  for (const port of service.spec.ports ?? []) {
    const nodePort = nodePorts.get(port) ?? port.nodePort ?? 0;
    if (nodePort === 0) continue;
    const key = `{${port.protocol ?? 'TCP'} ${nodePort}}`;
    if (seen.has(key)) throw new StatusError('', `duplicate nodePort: ${key}`);
    seen.add(key);
  }
}

/** Node ports that a deleted Service held, the health check port included. */
export function heldPorts(service: Service): number[] {
  const health = needsHealthCheckPort(service) ? (service.spec.healthCheckNodePort ?? 0) : 0;
  return [...new Set([...nodePortsOf(service), ...(health > 0 ? [health] : [])])];
}
