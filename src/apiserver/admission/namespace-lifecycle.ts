import { type core, Errors, StatusError } from '#api';
import type { AdmissionAttributes, AdmissionPlugin } from '../contracts.js';
import type { Living, ServerDeps } from '../deps.js';
import { Mirror } from '../mirror.js';
import { refuse } from './refuse.js';

const IMMORTAL = new Set(['default', 'kube-system', 'kube-public']);

/**
 * Nothing is created in a namespace that does not exist or is being emptied, and three namespaces never go
 * (upstream apiserver/pkg/admission/plugin/namespace/lifecycle). Controllers rely on the cause NamespaceTerminating.
 */
export class NamespaceLifecycle implements Living<AdmissionPlugin> {
  readonly name = 'NamespaceLifecycle';
  readonly #deps: ServerDeps;
  readonly #phases: Mirror<core.Namespace, string>;

  constructor(deps: ServerDeps) {
    this.#deps = deps;
    this.#phases = new Mirror({
      store: deps.store,
      kind: deps.kind('core.v1.Namespace'),
      project: phaseOf,
    });
  }

  start(): Promise<void> {
    return this.#phases.start();
  }
  stop(): Promise<void> {
    return this.#phases.stop();
  }

  admit(attributes: AdmissionAttributes): Promise<void> | void {
    const { operation, kind, namespace } = attributes;
    if (kind.message === 'core.v1.Namespace') {
      if (operation === 'DELETE' && IMMORTAL.has(attributes.name)) {
        throw refuse(attributes, 'this namespace may not be deleted');
      }
      return;
    }
    if (namespace === '' || operation === 'DELETE' || operation === 'CONNECT') return;
    // Asking about permissions in a namespace that is not there yet is fine.
    if (kind.message === 'authorization.v1.LocalSubjectAccessReview') return;
    const phase = this.#phases.get(namespace);
    if (phase === 'Active') return;
    return this.#lookUp(attributes);
  }

  /** What the watched copy does not vouch for is asked of the store. */
  async #lookUp(attributes: AdmissionAttributes): Promise<void> {
    const { namespace } = attributes;
    const kind = this.#deps.kind('core.v1.Namespace');
    const object = await this.#deps.store.get<core.Namespace>(kind, '', namespace);
    if (object === undefined) throw Errors.notFound({ group: '', resource: 'namespaces' }, namespace);
    if (attributes.operation !== 'CREATE' || phaseOf(object) === 'Active') return;
    throw terminating(attributes);
  }
}

function phaseOf(namespace: core.Namespace): string {
  if (namespace.metadata.deletionTimestamp !== undefined) return 'Terminating';
  return namespace.status?.phase === 'Terminating' ? 'Terminating' : 'Active';
}

function terminating(attributes: AdmissionAttributes): StatusError {
  const { namespace } = attributes;
  const error = refuse(
    attributes,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
  );
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${namespace} is being terminated`,
    field: 'metadata.namespace',
  };
  return new StatusError(error.reason, error.status.message, { ...error.status.details, causes: [cause] });
}
