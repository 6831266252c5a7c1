import type { core } from '#api';
import type { Clock } from '#base';
import { type ProbeKind, Prober } from '../probes/prober.js';
import { type ProbeTarget, runProbe } from '../probes/run-probe.js';

export interface ContainerProbesOptions {
  spec: core.Container;
  target: ProbeTarget;
  clock: Clock;
  /** The startup probe has succeeded; also called when there is none. */
  onStarted: () => void;
  onReadiness: (ready: boolean) => void;
  /** The startup or liveness probe has given the container up. */
  onDead: (kind: ProbeKind, probe: core.Probe) => void;
  event: (reason: string, message: string) => void;
}

/** The probes of one running container: the others wait for the startup probe. */
export class ContainerProbes {
  readonly #options: ContainerProbesOptions;
  readonly #probers = new Map<ProbeKind, Prober>();

  constructor(options: ContainerProbesOptions) {
    this.#options = options;
  }

  start(): void {
    const { startupProbe } = this.#options.spec;
    if (startupProbe === undefined) this.#begin();
    else this.#probe('startup', startupProbe);
  }

  /** The container is to end: only readiness goes on, so that endpoints stay known as serving while they do. */
  keepReadiness(): void {
    for (const kind of ['startup', 'liveness'] as const) this.#probers.get(kind)?.stop();
  }

  stop(): void {
    for (const prober of this.#probers.values()) prober.stop();
    this.#probers.clear();
  }

  #begin(): void {
    const { spec, onStarted } = this.#options;
    onStarted();
    if (spec.readinessProbe !== undefined) this.#probe('readiness', spec.readinessProbe);
    if (spec.livenessProbe !== undefined) this.#probe('liveness', spec.livenessProbe);
  }

  #probe(kind: ProbeKind, probe: core.Probe): void {
    const { target, clock, event } = this.#options;
    const name = `${kind[0]!.toUpperCase()}${kind.slice(1)}`;
    const prober = new Prober({
      kind,
      probe,
      clock,
      run: (stop) => runProbe(probe, target, stop),
      onVerdict: (healthy) => this.#verdict(kind, healthy, probe),
      onFailure: (message) => event('Unhealthy', `${name} probe failed: ${message.slice(0, 1024)}`),
    });
    this.#probers.set(kind, prober);
    prober.start();
  }

  #verdict(kind: ProbeKind, healthy: boolean, probe: core.Probe): void {
    if (kind === 'readiness') return this.#options.onReadiness(healthy);
    if (!healthy || kind === 'startup') this.#probers.get(kind)?.stop();
    if (!healthy) this.#options.onDead(kind, probe);
    else if (kind === 'startup') this.#begin();
  }
}
