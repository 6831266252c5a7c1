import type { KubeObject } from '../object.js';
import type { KindInfo } from '../schema/kind-info.js';
import type { core, discovery } from '../types/index.js';
import { nameWarnings, podSpecWarnings } from './pod-warnings.js';
import { ipWarnings, serviceWarnings } from './service-warnings.js';

/** What every answer about a deprecated kind warns of, reads included; undefined for kinds that are not. */
export function deprecationWarning(kind: KindInfo): string | undefined {
  return kind.message === 'core.v1.Endpoints'
    ? 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice'
    : undefined;
}

function sliceWarnings(slice: discovery.EndpointSlice): string[] {
  if (slice.addressType === 'FQDN') return ['addressType: FQDN endpoints are deprecated'];
  return (slice.endpoints ?? []).flatMap((endpoint, e) =>
    endpoint.addresses.flatMap((address, a) => ipWarnings(`endpoints[${e}].addresses[${a}]`, address)),
  );
}

type Templated = { spec?: { template?: core.PodTemplateSpec } };

function templateWarnings(object: KubeObject, isNew: boolean): string[] {
  return [
    ...(isNew ? nameWarnings(object.metadata.name, 'Pod names and hostnames') : []),
    ...podSpecWarnings((object as Templated).spec?.template?.spec, 'spec.template.spec'),
  ];
}

/**
 * Texts for `Warning: 299` headers of a create (no `old`) or an update, as kube-apiserver gives them. Never a
 * reason to refuse. Warnings that go with reads too are in `deprecationWarning`.
 */
export function warningsFor(kind: KindInfo, object: KubeObject, old?: KubeObject): string[] {
  const isNew = old === undefined;
  switch (kind.message) {
    case 'core.v1.Service':
      return serviceWarnings(object as core.Service);
    case 'core.v1.Endpoints':
      return [deprecationWarning(kind)!];
    case 'discovery.v1.EndpointSlice':
      return sliceWarnings(object as discovery.EndpointSlice);
    case 'core.v1.Pod':
      return [
        ...(isNew ? nameWarnings(object.metadata.name, "the Pod's hostname") : []),
        ...podSpecWarnings((object as core.Pod).spec, 'spec'),
      ];
    case 'apps.v1.Deployment':
    case 'apps.v1.ReplicaSet':
    case 'apps.v1.StatefulSet':
    case 'core.v1.ReplicationController':
    case 'batch.v1.Job':
      return templateWarnings(object, isNew);
    case 'apps.v1.DaemonSet':
      return templateWarnings(object, false);
    default:
      return [];
  }
}
