import type { core } from '#api';
import type { Logger } from '#base';
import type { Informer } from '#client';
import type { Programs } from '#host';

/** Routes that a node needs: destination podCIDR to the address of the node that owns it. */
export function desiredRoutes(nodes: core.Node[], self: string): Map<string, string> {
  const routes = new Map<string, string>();
  for (const node of nodes) {
    if (node.metadata.name === self) continue;
    const ips = (node.status?.addresses ?? []).filter((a) => a.type === 'InternalIP').map((a) => a.address);
    const cidrs = node.spec?.podCIDRs ?? (node.spec?.podCIDR === undefined ? [] : [node.spec.podCIDR]);
    for (const cidr of cidrs) {
      const via = ips.find((ip) => ip.includes(':') === cidr.includes(':'));
      if (via !== undefined) routes.set(cidr, via);
    }
  }
  return routes;
}

/** Keeps a route to the pods of every other node, as upstream's route controllers and flannel's host-gw do. */
export class NodeRoutes {
  readonly #informer: Informer<core.Node>;
  readonly #programs: Programs;
  readonly #logger: Logger;
  readonly #self: string;
  #installed = new Map<string, string>();
  #off: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #again = false;

  constructor(options: {
    informer: Informer<core.Node>;
    programs: Programs;
    logger: Logger;
    self: string;
  }) {
    this.#informer = options.informer;
    this.#programs = options.programs;
    this.#logger = options.logger;
    this.#self = options.self;
  }

  start(): void {
    const sync = () => this.#sync();
    this.#off = this.#informer.on({ add: sync, update: sync, delete: sync });
    this.#sync();
  }

  /** Leaves the routes: they belong to the node's namespace and end with it. */
  async stop(): Promise<void> {
    this.#off?.();
    this.#off = undefined;
    await this.#running;
  }

  #sync(): void {
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    const desired = desiredRoutes(this.#informer.list(), this.#self);
    const commands = [
      ...[...this.#installed.keys()].filter((cidr) => !desired.has(cidr)).map((cidr) => `route del ${cidr}`),
      ...[...desired]
        .filter(([cidr, via]) => this.#installed.get(cidr) !== via)
        .map(([cidr, via]) => `route replace ${cidr} via ${via}`),
    ];
    if (commands.length === 0) return;
    this.#running = this.#apply(commands, desired).finally(() => {
      this.#running = undefined;
      if (this.#again && this.#off !== undefined) {
        this.#again = false;
        this.#sync();
      }
    });
  }

  async #apply(commands: string[], desired: Map<string, string>): Promise<void> {
    try {
      const input = `${commands.join('\n')}\n`;
      const result = await this.#programs.run('ip', ['-force', '-batch', '-'], { input });
      if (result.code === 0) this.#installed = desired;
      else
        this.#logger.warn('cannot set all routes to other nodes', { commands, stderr: result.stderr.trim() });
    } catch (error) {
      this.#logger.warn('cannot set routes to other nodes', { err: error });
    }
  }
}
