import type { KindInfo } from '#api';
import type { AdmissionAttributes, AdmissionPlugin } from '../contracts.js';
import type { Soon } from '../soon.js';

type Phase = 'admit' | 'validate';

/** The plugins that have a say in one kind, by phase. */
type Concerned = Record<Phase, AdmissionPlugin[]>;

/** All plugins of a server in their order. Most are about one or two kinds, and cost the others nothing. */
export class AdmissionChain {
  readonly #plugins: AdmissionPlugin[] = [];
  #byKind = new WeakMap<KindInfo, Concerned>();

  add(plugins: readonly AdmissionPlugin[]): void {
    this.#plugins.push(...plugins);
    this.#byKind = new WeakMap();
  }

  /** Runs one phase; throws what the first plugin that refuses throws. A promise only when one has to wait. */
  run(phase: Phase, attributes: AdmissionAttributes): Soon<void> {
    const plugins = this.#concerned(attributes.kind)[phase];
    for (let i = 0; i < plugins.length; i++) {
      const verdict = plugins[i]![phase]!(attributes);
      if (verdict !== undefined) return waited(verdict, plugins, i + 1, phase, attributes);
    }
  }

  #concerned(kind: KindInfo): Concerned {
    let concerned = this.#byKind.get(kind);
    if (concerned === undefined) {
      const about = this.#plugins.filter(({ kinds }) => kinds?.includes(kind.message) !== false);
      concerned = {
        admit: about.filter((plugin) => plugin.admit !== undefined),
        validate: about.filter((plugin) => plugin.validate !== undefined),
      };
      this.#byKind.set(kind, concerned);
    }
    return concerned;
  }
}

async function waited(
  first: Promise<void>,
  plugins: AdmissionPlugin[],
  from: number,
  phase: Phase,
  attributes: AdmissionAttributes,
): Promise<void> {
  await first;
  for (let i = from; i < plugins.length; i++) {
    const verdict = plugins[i]![phase]!(attributes);
    if (verdict !== undefined) await verdict;
  }
}
