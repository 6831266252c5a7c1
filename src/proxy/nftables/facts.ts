/** A chain with its rules, or a set or map with its definition (the text between its braces). */
export type NamedObject =
  | { kind: 'chain'; rules: readonly string[] }
  | { kind: 'set' | 'map'; definition: string };

/**
 * What one Service contributes to the table. Facts of different Services may coincide (a generic chain, a
 * hairpin tuple of a pod behind two Services): the table holds a fact as long as somebody contributes it.
 */
export interface Facts {
  /** `container` + blank + `key` → value; the value of a set's element is empty. */
  readonly elements: Map<string, string>;
  readonly objects: Map<string, NamedObject>;
}

export function emptyFacts(): Facts {
  return { elements: new Map(), objects: new Map() };
}

export function addElement(facts: Facts, container: string, key: string, value = ''): void {
  facts.elements.set(`${container} ${key}`, value);
}

/** Splits an element's name into its container and its key. */
export function splitElement(name: string): { container: string; key: string } {
  const blank = name.indexOf(' ');
  return { container: name.slice(0, blank), key: name.slice(blank + 1) };
}

export function sameObject(a: NamedObject, b: NamedObject): boolean {
  if (a.kind === 'chain' || b.kind === 'chain') {
    if (a.kind !== 'chain' || b.kind !== 'chain') return false;
    return a.rules.length === b.rules.length && a.rules.every((rule, i) => rule === b.rules[i]);
  }
  return a.kind === b.kind && a.definition === b.definition;
}

/** Where facts are written: a transaction. */
export interface FactSink {
  put(name: string, object: NamedObject, existed: boolean): void;
  addElement(name: string, value: string): void;
}

/** Writes a service's facts into an empty table; `written` holds the objects that are there already. */
export function addFacts(facts: Facts, written: Set<string>, sink: FactSink): void {
  for (const [name, object] of facts.objects) {
    if (written.has(name)) continue;
    written.add(name);
    sink.put(name, object, false);
  }
  for (const [name, value] of facts.elements) sink.addElement(name, value);
}
