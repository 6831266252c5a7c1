import { type IpvsOptions, ipvsCommand } from '#host';
import type { VirtualServer } from './service-facts.js';

/** A virtual server as the kernel has it; weight 0: it gets no new connections. */
export interface KernelServer {
  options: IpvsOptions;
  readonly targets: Map<string, number>;
}

/** `service target`: what waits for its connections to end. */
const drainKey = (service: string, target: string) => `${service} ${target}`;

/**
 * What the kernel holds of virtual servers, and the commands that bring it to what is wanted. A TCP server that is not
 * wanted any more first gets weight 0 and is deleted when its last connection has ended; others go at once, for
 * their clients never say goodbye (upstream's GracefulTerminationManager).
 */
export class KernelServers {
  readonly #servers = new Map<string, KernelServer>();
  readonly #draining = new Map<string, { service: string; target: string }>();

  /** What is there by now; forgets everything else. */
  reset(found: ReadonlyMap<string, KernelServer>): void {
    this.#servers.clear();
    this.#draining.clear();
    for (const [service, server] of found) this.#servers.set(service, server);
  }

  keys(): Iterable<string> {
    return this.#servers.keys();
  }

  /** Virtual and real servers, together. */
  get size(): number {
    let size = this.#servers.size;
    for (const { targets } of this.#servers.values()) size += targets.size;
    return size;
  }

  /** Real servers that wait for their connections to end. */
  get draining(): number {
    return this.#draining.size;
  }

  /** Commands for one virtual server. From now on the kernel is believed to have followed them. */
  change(service: string, wanted: VirtualServer | undefined): string[] {
    const current = this.#servers.get(service);
    if (wanted === undefined) return current === undefined ? [] : this.#remove(service, current);
    const commands: string[] = [];
    if (current === undefined) commands.push(ipvsCommand.addService(service, wanted));
    else if (!sameOptions(current.options, wanted)) commands.push(ipvsCommand.editService(service, wanted));
    const { scheduler, flags, persistence } = wanted;
    const next = current ?? { options: wanted, targets: new Map<string, number>() };
    next.options = { scheduler, flags, persistence };
    this.#servers.set(service, next);
    commands.push(...this.#addTargets(service, next, wanted), ...this.#retire(service, next, wanted));
    return commands;
  }

  /** Deletes what drains and has none of these connections any more. */
  finish(busy: (service: string, target: string) => boolean): string[] {
    const commands: string[] = [];
    for (const [key, { service, target }] of this.#draining) {
      if (busy(service, target)) continue;
      this.#draining.delete(key);
      this.#servers.get(service)?.targets.delete(target);
      commands.push(ipvsCommand.deleteTarget(service, target));
    }
    return commands;
  }

  #remove(service: string, current: KernelServer): string[] {
    this.#servers.delete(service);
    for (const target of current.targets.keys()) this.#draining.delete(drainKey(service, target));
    return [ipvsCommand.deleteService(service)];
  }

  #addTargets(service: string, server: KernelServer, wanted: VirtualServer): string[] {
    const commands: string[] = [];
    for (const [target, weight] of wanted.targets) {
      const now = server.targets.get(target);
      server.targets.set(target, weight);
      this.#draining.delete(drainKey(service, target));
      if (now === undefined) commands.push(ipvsCommand.addTarget(service, target, weight));
      else if (now !== weight) commands.push(ipvsCommand.editTarget(service, target, weight));
    }
    return commands;
  }

  #retire(service: string, server: KernelServer, wanted: VirtualServer): string[] {
    const isTcp = service.startsWith('-t ');
    const commands: string[] = [];
    for (const [target, weight] of server.targets) {
      if (wanted.targets.has(target)) continue;
      if (!isTcp) {
        server.targets.delete(target);
        commands.push(ipvsCommand.deleteTarget(service, target));
        continue;
      }
      server.targets.set(target, 0);
      this.#draining.set(drainKey(service, target), { service, target });
      if (weight !== 0) commands.push(ipvsCommand.editTarget(service, target, 0));
    }
    return commands;
  }
}

function sameOptions(a: IpvsOptions, b: IpvsOptions): boolean {
  return a.scheduler === b.scheduler && a.flags === b.flags && a.persistence === b.persistence;
}
