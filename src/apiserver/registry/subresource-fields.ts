import type { KindInfo, KubeObject } from '#api';
import { copyOf } from './resource.js';

type Loose = KubeObject & Record<string, unknown>;
type Container = { name: string } & Record<string, unknown>;

/** What a write to a subresource may change; everything else is taken from the present object. */
const OWN_FIELDS: Readonly<Record<string, (object: Loose, current: Loose) => void>> = {
  status: (object, current) => keepAllBut(object, current, ['metadata', 'status']),
  finalize: (object, current) => keepInSpec(object, current, ['finalizers']),
  ephemeralcontainers: (object, current) => {
    keepInSpec(object, current, ['ephemeralContainers']);
    keepMetadata(object, current);
  },
  resize: (object, current) => {
    keepInSpec(object, current, ['containers', 'initContainers', 'resources']);
    keepMetadata(object, current);
    for (const list of ['containers', 'initContainers'] as const) keepContainers(object, current, list);
  },
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
  else to[key] = copyOf(from[key]);
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

/** Upstream's ResetObjectMetaForStatus: a write to a part of the spec is not one to these. */
function keepMetadata(object: Loose, current: Loose): void {
  const metadata = object.metadata as unknown as Loose;
  for (const key of ['labels', 'annotations', 'finalizers', 'ownerReferences'])
    copy(metadata, current.metadata as unknown as Loose, key);
}

/** Of each container only what a resize may change; containers that came, went or moved are left to validation. */
function keepContainers(object: Loose, current: Loose, list: 'containers' | 'initContainers'): void {
  const proposed = containersOf(object, list);
  const present = containersOf(current, list);
  const same =
    proposed.length === present.length && proposed.every((one, i) => one.name === present[i]!.name);
  if (!same || present.length === 0) return;
  (object['spec'] as Record<string, unknown>)[list] = present.map((container, i) => {
    const merged: Container = { ...copyOf(container) };
    for (const key of ['resources', 'resizePolicy']) copy(merged as never, proposed[i] as never, key);
    return merged;
  });
}

function containersOf(object: Loose, list: string): Container[] {
  return ((object['spec'] as Record<string, unknown> | undefined)?.[list] ?? []) as Container[];
}
