import type { KubeObject } from '#api';
import type { RequestContext } from '../contracts.js';
import type { SubresourceDeps } from './types.js';

/** Runs the admission chain for a request that creates something on a subresource (token, eviction, binding). */
export async function admitCreate(
  deps: SubresourceDeps,
  context: RequestContext,
  message: string,
  object: KubeObject,
): Promise<void> {
  const { info, user } = context;
  const attributes = {
    operation: 'CREATE' as const,
    kind: deps.kind(message),
    subresource: info.subresource,
    namespace: info.namespace,
    name: info.name,
    user,
    dryRun: isDryRun(context),
    object,
    warn: (text: string) => context.warn(text),
  };
  await deps.admission.run('admit', attributes);
  await deps.admission.run('validate', attributes);
}

export function isDryRun({ info }: RequestContext): boolean {
  return info.query.getAll('dryRun').includes('All');
}
