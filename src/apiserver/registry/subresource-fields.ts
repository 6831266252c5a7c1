import type { KindInfo, KubeObject } from '#api';

type Loose = KubeObject & Record<string, unknown>;

/** What a write to a subresource may change; everything else is taken from the present object. */
const OWN_FIELDS: Readonly<Record<string, (object: Loose, current: Loose) => void>> = {
  status: (object, current) => keepAllBut(object, current, ['metadata', 'status']),
  finalize: (object, current) => keepInSpec(object, current, ['finalizers']),
  ephemeralcontainers: (object, current) => keepInSpec(object, current, ['ephemeralContainers']),
  resize: (object, current) => keepInSpec(object, current, ['containers', 'initContainers', 'resources']),
  approval: (object, current) => keepAllBut(object, current, ['metadata', 'status']),
};

/**
 * Cuts a proposed object down to what a write to `subresource` may change: the main resource leaves status
 * alone where status has its own subresource, `/status` changes nothing but metadata and status.
 */
export function restrictToSubresource(
  kind: KindInfo,
  subresource: string,
  object: KubeObject,
  current: KubeObject,
): void {
  if (subresource === '') {
    if (kind.subresources.includes('status')) copy(object as Loose, current as Loose, 'status');
  } else OWN_FIELDS[subresource]?.(object as Loose, current as Loose);
}

function copy(to: Loose, from: Loose, key: string): void {
  if (from[key] === undefined) delete to[key];
  // A private copy: what follows may edit the proposal, never the shared present object.
  else to[key] = structuredClone(from[key]);
}

function keepAllBut(object: Loose, current: Loose, own: string[]): void {
  for (const key of new Set([...Object.keys(object), ...Object.keys(current)])) {
    if (!own.includes(key)) copy(object, current, key);
  }
}

function keepInSpec(object: Loose, current: Loose, own: string[]): void {
  const proposed = (object['spec'] ?? {}) as Record<string, unknown>;
  keepAllBut(object, current, ['metadata']);
  const spec = (object['spec'] ?? {}) as Record<string, unknown>;
  for (const key of own) {
    if (proposed[key] === undefined) delete spec[key];
    else spec[key] = proposed[key];
  }
  object['spec'] = spec;
}
