/** What the server needs to know of a kind to serve, store and describe it. One entry per kind in `kinds.ts`. */
export interface KindInfo {
  group: string;
  version: string;
  kind: string;
  /** Plural, lower case: the path segment. */
  resource: string;
  singular: string;
  shortNames: string[];
  categories: string[];
  namespaced: boolean;
  /** Name of the schema table message, e.g. `core.v1.Service`. */
  message: string;
  /** Subresources by name; `status`, `scale` and the like are served by the generic registry. */
  subresources: string[];
  /** Key prefix under `/registry/`, as kube-apiserver stores it: `services/specs`, `pods`, `minions` (nodes) ... */
  storagePrefix: string;
  /** Bumps metadata.generation when spec changes (never on status writes). */
  generation: boolean;
  /** Field selector paths besides metadata.name and metadata.namespace. */
  selectableFields: string[];
  /** Review kinds are created, answered and never stored. */
  virtual?: boolean;
  /** Verbs of the resource itself, sorted; absent means all (`allVerbs`). */
  verbs?: string[];
  /** The kind that the stored bytes carry, where it is not this one (events.k8s.io Events are stored as core Events). */
  storedAs?: { group: string; version: string; kind: string };
}
