/** A chain with its rules, or a set or map with its definition (the text between its braces). */
export type NamedObject =
  | { kind: 'chain'; rules: readonly string[] }
  | { kind: 'set' | 'map'; definition: string };

/**
 * Takes what one Service contributes to the table. Facts of different Services may coincide (a generic chain, a
 * hairpin tuple of a pod behind two Services): the table holds a fact as long as somebody contributes it.
 */
export interface FactSink {
  /** The value of a set's element is empty. */
  element(container: string, key: string, value: string): void;
  /** `make` runs only where the text is needed: most Services share their chains. */
  object(name: string, make: () => NamedObject): void;
}

/** One Service's facts, collected for comparison. */
export class Facts implements FactSink {
  /** By container, then key. */
  readonly elements = new Map<string, Map<string, string>>();
  readonly objects = new Map<string, NamedObject>();

  element(container: string, key: string, value: string): void {
    const elements = this.elements.get(container);
    if (elements === undefined) this.elements.set(container, new Map([[key, value]]));
    else elements.set(key, value);
  }

  object(name: string, make: () => NamedObject): void {
    this.objects.set(name, make());
  }
}

export function sameObject(a: NamedObject, b: NamedObject): boolean {
  if (a.kind === 'chain' || b.kind === 'chain') {
    if (a.kind !== 'chain' || b.kind !== 'chain') return false;
    return a.rules.length === b.rules.length && a.rules.every((rule, i) => rule === b.rules[i]);
  }
  return a.kind === b.kind && a.definition === b.definition;
}
