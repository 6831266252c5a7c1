import type { core } from '#api';
import type { Startable } from '#base';
import type { ServerDeps } from '../deps.js';
import { Mirror } from '../mirror.js';

/** What a Pod gives its node reason to read. */
export interface PodReferences {
  node: string;
  namespace: string;
  name: string;
  account: string;
  secrets: Set<string>;
  configMaps: Set<string>;
  claims: Set<string>;
}

type Reference = 'secrets' | 'configMaps' | 'claims';

function fromVolumes(spec: core.PodSpec, out: PodReferences): void {
  for (const volume of spec.volumes ?? []) {
    if (volume.secret?.secretName !== undefined) out.secrets.add(volume.secret.secretName);
    if (volume.configMap?.name !== undefined) out.configMaps.add(volume.configMap.name);
    if (volume.persistentVolumeClaim !== undefined) out.claims.add(volume.persistentVolumeClaim.claimName);
    for (const source of volume.projected?.sources ?? []) {
      if (source.secret?.name !== undefined) out.secrets.add(source.secret.name);
      if (source.configMap?.name !== undefined) out.configMaps.add(source.configMap.name);
    }
  }
}

function fromContainers(spec: core.PodSpec, out: PodReferences): void {
  const containers = [
    ...spec.containers,
    ...(spec.initContainers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ];
  for (const container of containers) {
    for (const { valueFrom } of container.env ?? []) {
      if (valueFrom?.secretKeyRef?.name !== undefined) out.secrets.add(valueFrom.secretKeyRef.name);
      if (valueFrom?.configMapKeyRef?.name !== undefined) out.configMaps.add(valueFrom.configMapKeyRef.name);
    }
    for (const source of container.envFrom ?? []) {
      if (source.secretRef?.name !== undefined) out.secrets.add(source.secretRef.name);
      if (source.configMapRef?.name !== undefined) out.configMaps.add(source.configMapRef.name);
    }
  }
}

/** Undefined for Pods that no node runs. */
export function referencesOf(pod: core.Pod): PodReferences | undefined {
  const { spec } = pod;
  if (spec === undefined || (spec.nodeName ?? '') === '') return undefined;
  const out: PodReferences = {
    node: spec.nodeName!,
    namespace: pod.metadata.namespace ?? '',
    name: pod.metadata.name ?? '',
    account: spec.serviceAccountName ?? '',
    secrets: new Set((spec.imagePullSecrets ?? []).map(({ name }) => name ?? '')),
    configMaps: new Set(),
    claims: new Set(),
  };
  fromVolumes(spec, out);
  fromContainers(spec, out);
  return out;
}

/**
 * Which objects a node may read because of the Pods bound to it (upstream's node authorizer graph). A Pod that was
 * bound a moment ago may be missing from the watched copy, so a "no" is checked against the store.
 */
export class NodeReferences implements Startable {
  readonly #deps: ServerDeps;
  readonly #pods: Mirror<core.Pod, PodReferences>;
  readonly #byNode = new Map<string, Map<string, PodReferences>>();

  constructor(deps: ServerDeps) {
    this.#deps = deps;
    this.#pods = new Mirror({
      store: deps.store,
      kind: deps.kind('core.v1.Pod'),
      project: referencesOf,
      onChange: (key, value, old) => {
        if (old !== undefined) this.#remove(key, old);
        if (value !== undefined) this.#add(key, value);
      },
    });
  }

  start(): Promise<void> {
    return this.#pods.start();
  }
  stop(): Promise<void> {
    return this.#pods.stop();
  }

  #add(key: string, references: PodReferences): void {
    const pods = this.#byNode.get(references.node) ?? new Map<string, PodReferences>();
    this.#byNode.set(references.node, pods.set(key, references));
  }

  #remove(key: string, references: PodReferences): void {
    const pods = this.#byNode.get(references.node);
    pods?.delete(key);
    if (pods?.size === 0) this.#byNode.delete(references.node);
  }

  async #any(node: string, namespace: string, test: (pod: PodReferences) => boolean): Promise<boolean> {
    for (const pod of this.#byNode.get(node)?.values() ?? []) {
      if (pod.namespace === namespace && test(pod)) return true;
    }
    const live = await this.#deps.store.list<core.Pod>(this.#deps.kind('core.v1.Pod'), namespace);
    return live.some((object) => {
      const pod = object.spec?.nodeName === node ? referencesOf(object) : undefined;
      return pod !== undefined && test(pod);
    });
  }

  /** A Pod on the node uses this Secret, ConfigMap or claim. */
  uses(node: string, reference: Reference, namespace: string, name: string): Promise<boolean> {
    return this.#any(node, namespace, (pod) => pod[reference].has(name));
  }

  /** A Pod on the node runs as this account. */
  runsAs(node: string, namespace: string, account: string): Promise<boolean> {
    return this.#any(node, namespace, (pod) => pod.account === account);
  }

  runs(node: string, namespace: string, name: string): Promise<boolean> {
    return this.#any(node, namespace, (pod) => pod.name === name);
  }
}
