import { randomInt } from 'node:crypto';
import type { core } from '#api';
import type { Clock } from '#base';
import type { AdmissionAttributes, AdmissionPlugin } from '../contracts.js';
import type { ServerDeps } from '../deps.js';
import { isKind, refuse } from './refuse.js';

const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Requested lifetime; the odd value marks tokens that the server may extend (upstream WarnOnlyBoundTokenExpirationPeriod). */
const TOKEN_SECONDS = 3607;
const MIRROR = 'kubernetes.io/config.mirror';
const SUFFIX_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
/** The default account of a new namespace comes a moment after the namespace. */
const ATTEMPTS = 10;
const RETRY_MS = 100;

/** Gives every Pod an account and, unless declined, its token as a projected volume (upstream plugin/pkg/admission/serviceaccount). */
export class ServiceAccountAdmission implements AdmissionPlugin {
  readonly name = 'ServiceAccount';
  readonly kinds = ['core.v1.Pod'];
  readonly #deps: ServerDeps;
  constructor(deps: ServerDeps) {
    this.#deps = deps;
  }

  async admit(attributes: AdmissionAttributes): Promise<void> {
    if (attributes.operation !== 'CREATE' || !isKind(attributes, 'core.v1.Pod')) return;
    const pod = attributes.object as core.Pod;
    const { spec } = pod;
    if (spec === undefined) return;
    if (pod.metadata.annotations?.[MIRROR] !== undefined) return refuseCredentials(attributes, spec);
    if ((spec.serviceAccountName ?? '') === '') spec.serviceAccountName = 'default';
    spec.serviceAccount = spec.serviceAccountName;
    const account = await this.#find(attributes, spec.serviceAccountName!);
    if (shouldMount(account, spec)) mountToken(spec);
    if ((spec.imagePullSecrets ?? []).length === 0 && (account.imagePullSecrets ?? []).length > 0) {
      spec.imagePullSecrets = structuredClone(account.imagePullSecrets);
    }
  }

  async #find(attributes: AdmissionAttributes, name: string): Promise<core.ServiceAccount> {
    const { store, clock } = this.#deps;
    const kind = this.#deps.kind('core.v1.ServiceAccount');
    for (let attempt = 1; ; attempt++) {
      const account = await store.get<core.ServiceAccount>(kind, attributes.namespace, name);
      if (account !== undefined) return account;
      if (name !== 'default' || attempt >= ATTEMPTS) break;
      await wait(clock, RETRY_MS);
    }
    throw refuse(
      attributes,
      `error looking up service account ${attributes.namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`,
    );
  }
}

function wait(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}

/** Static Pods come from a file on a node, which must not be a way to get credentials. */
function refuseCredentials(attributes: AdmissionAttributes, spec: core.PodSpec): void {
  if ((spec.serviceAccountName ?? '') !== '') {
    throw refuse(attributes, 'a mirror pod may not reference service accounts');
  }
  for (const volume of spec.volumes ?? []) {
    if (volume.secret !== undefined) throw refuse(attributes, 'a mirror pod may not reference secrets');
    if (volume.projected?.sources?.some((source) => source.serviceAccountToken !== undefined)) {
      throw refuse(attributes, 'a mirror pod may not use ServiceAccountToken volume projections');
    }
  }
}

function shouldMount(account: core.ServiceAccount, spec: core.PodSpec): boolean {
  return spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
}

/** Containers that mount something at the path already keep it. */
function mountToken(spec: core.PodSpec): void {
  const needing = [...(spec.initContainers ?? []), ...spec.containers].filter(
    (container) => !(container.volumeMounts ?? []).some((mount) => mount.mountPath === MOUNT_PATH),
  );
  if (needing.length === 0) return;
  const name = volumeName(spec);
  for (const container of needing) {
    container.volumeMounts = [
      ...(container.volumeMounts ?? []),
      { name, readOnly: true, mountPath: MOUNT_PATH },
    ];
  }
  spec.volumes = [...(spec.volumes ?? []), { name, projected: tokenVolume() }];
}

function volumeName(spec: core.PodSpec): string {
  const taken = new Set((spec.volumes ?? []).map((volume) => volume.name));
  for (;;) {
    let name = 'kube-api-access-';
    for (let i = 0; i < 5; i++) name += SUFFIX_ALPHABET[randomInt(SUFFIX_ALPHABET.length)];
    if (!taken.has(name)) return name;
  }
}

function tokenVolume(): core.ProjectedVolumeSource {
  return {
    defaultMode: 0o644,
    sources: [
      { serviceAccountToken: { path: 'token', expirationSeconds: TOKEN_SECONDS } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      {
        downwardAPI: {
          items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
        },
      },
    ],
  };
}
