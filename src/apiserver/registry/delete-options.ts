import { Errors, type FieldError, type meta } from '#api';

/** DeleteOptions with the query parameters merged in; `dryRun` is read by the caller. */
export type DeleteOptions = meta.DeleteOptions;

const POLICIES = ['Orphan', 'Background', 'Foreground'];

/** Reads the options that older clients and curl put into the query. The body wins where both speak. */
export function optionsFromQuery(query: URLSearchParams): DeleteOptions {
  const options: DeleteOptions = {};
  const grace = query.get('gracePeriodSeconds');
  if (grace !== null) {
    if (!/^-?\d{1,15}$/.test(grace)) {
      throw Errors.badRequest(`converting (${grace}) to gracePeriodSeconds: invalid syntax`);
    }
    options.gracePeriodSeconds = Number(grace);
  }
  const policy = query.get('propagationPolicy');
  if (policy !== null) options.propagationPolicy = policy;
  const orphan = query.get('orphanDependents');
  if (orphan !== null) options.orphanDependents = orphan === 'true' || orphan === '1';
  return options;
}

/** Throws Invalid (kind DeleteOptions) as ValidateDeleteOptions does. */
export function checkDeleteOptions(options: DeleteOptions): void {
  const errors: FieldError[] = [];
  const { propagationPolicy, orphanDependents, dryRun } = options;
  if (propagationPolicy !== undefined && orphanDependents !== undefined) {
    errors.push({
      type: 'FieldValueInvalid',
      field: 'propagationPolicy',
      message: `Invalid value: ${JSON.stringify(propagationPolicy)}: orphanDependents and deletionPropagation cannot be both set`,
    });
  }
  if (propagationPolicy !== undefined && !POLICIES.includes(propagationPolicy)) {
    errors.push({
      type: 'FieldValueNotSupported',
      field: 'propagationPolicy',
      message: `Unsupported value: ${JSON.stringify(propagationPolicy)}: supported values: "Background", "Foreground", "Orphan"`,
    });
  }
  for (const value of dryRun ?? []) if (value !== 'All') errors.push(unsupportedDryRun(dryRun ?? []));
  if (errors.length > 0) {
    throw Errors.invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors);
  }
}

export function unsupportedDryRun(values: string[]): FieldError {
  return {
    type: 'FieldValueNotSupported',
    field: 'dryRun',
    message: `Unsupported value: ${JSON.stringify(values)}: supported values: "All"`,
  };
}

/**
 * The finalizers an object gets when it is deleted with these options: the garbage collector's two are set or
 * removed as the propagation policy says (deletionFinalizersForGarbageCollection).
 */
export function finalizersFor(have: string[], options: DeleteOptions): string[] {
  const rest = have.filter((f) => f !== 'orphan' && f !== 'foregroundDeletion');
  if (wants(have, options, 'orphan')) rest.push('orphan');
  if (wants(have, options, 'foregroundDeletion')) rest.push('foregroundDeletion');
  return rest;
}

function wants(have: string[], options: DeleteOptions, finalizer: 'orphan' | 'foregroundDeletion'): boolean {
  const { orphanDependents, propagationPolicy } = options;
  if (orphanDependents !== undefined) return finalizer === 'orphan' && orphanDependents;
  if (propagationPolicy !== undefined) {
    return propagationPolicy === (finalizer === 'orphan' ? 'Orphan' : 'Foreground');
  }
  // Without a word from the caller an earlier delete's choice stands.
  return have.includes(finalizer);
}
