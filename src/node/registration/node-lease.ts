import { type coordination, type core, isAlreadyExists, isNotFound } from '#api';
import type { Clock, Logger } from '#base';
import { type Client, Resources } from '#client';

const NAMESPACE = 'kube-node-lease';
const RETRY_MS = 1000;

function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}

/** Renews the node's Lease: the heartbeat by which the node lifecycle controller knows that the node lives. */
export class NodeLease {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #intervalMs: number;
  readonly #node: () => core.Node;
  #lease: coordination.Lease | undefined;
  #cancel: () => void = () => {};
  #stopped = false;
  #running: Promise<void> | undefined;

  constructor(options: {
    client: Client;
    clock: Clock;
    logger: Logger;
    intervalSeconds: number;
    node: () => core.Node;
  }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#intervalMs = options.intervalSeconds * 1000;
    this.#node = options.node;
  }

  start(): void {
    this.#beat();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#running;
  }

  #beat(): void {
    this.#running = this.#renew().then(
      () => this.#again(this.#intervalMs),
      (error: unknown) => {
        this.#lease = undefined;
        this.#logger.warn('cannot renew the node lease', { err: error });
        this.#again(RETRY_MS);
      },
    );
  }

  #again(ms: number): void {
    if (!this.#stopped) this.#cancel = this.#clock.after(ms, () => this.#beat());
  }

  async #renew(): Promise<void> {
    const leases = this.#client.resource(Resources.leases);
    const have = this.#lease ?? (await this.#find());
    const lease = this.#fresh(have);
    if (have !== undefined) {
      this.#lease = await leases.update(lease);
      return;
    }
    try {
      this.#lease = await leases.create(lease);
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }

  async #find(): Promise<coordination.Lease | undefined> {
    try {
      return await this.#client.resource(Resources.leases).get(this.#node().metadata.name!, NAMESPACE);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  #fresh(old: coordination.Lease | undefined): coordination.Lease {
    const { name, uid } = this.#node().metadata;
    const owner = { apiVersion: 'v1', kind: 'Node', name: name!, uid: uid! };
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { ...old?.metadata, name: name!, namespace: NAMESPACE, ownerReferences: [owner] },
      spec: {
        ...old?.spec,
        holderIdentity: name!,
        leaseDurationSeconds: (this.#intervalMs / 1000) * 4,
        renewTime: microTime(this.#clock.now()),
      },
    };
  }
}
