import type { meta } from '#api';

type Entry = meta.ManagedFieldsEntry;
type Fields = Record<string, unknown>;

const SCALE = 'autoscaling/v1';
/** `spec.replicas`, which is the same path in the workloads and in their Scale. */
const SPEC = 'f:spec';
const REPLICAS = 'f:replicas';

function ownsReplicas({ fieldsV1 }: Entry): boolean {
  const spec = (fieldsV1 as Fields | undefined)?.[SPEC];
  return typeof spec === 'object' && spec !== null && Object.hasOwn(spec, REPLICAS);
}

function who({ manager, operation, subresource }: Entry): string {
  return JSON.stringify([manager, operation, subresource ?? '']);
}

/** What the managers of a workload manage of its Scale (apimachinery, managedfields.ScaleHandler.ToSubresource). */
export function scaleEntries(workload: Entry[] = []): Entry[] {
  return workload
    .filter(ownsReplicas)
    .map((entry) => ({ ...entry, apiVersion: SCALE, fieldsV1: { [SPEC]: { [REPLICAS]: {} } } }));
}

/**
 * The managers of a workload after its Scale was applied (ScaleHandler.ToParent): who lost the count in the Scale has
 * lost it here, and who won it gets an entry of this apiVersion.
 */
export function workloadEntries(workload: Entry[] = [], scale: Entry[] = [], apiVersion: string): Entry[] {
  const owners = new Map(scale.filter(ownsReplicas).map((entry) => [who(entry), entry]));
  const kept = workload.flatMap((entry) => {
    if (!ownsReplicas(entry)) return [entry];
    if (owners.delete(who(entry))) return [entry];
    const rest = withoutReplicas(entry);
    return rest === undefined ? [] : [rest];
  });
  return [...kept, ...[...owners.values()].map((entry) => ({ ...entry, apiVersion }))];
}

/** Undefined when nothing else was managed. */
function withoutReplicas(entry: Entry): Entry | undefined {
  const { [SPEC]: spec, ...others } = entry.fieldsV1 as Fields;
  const { [REPLICAS]: _replicas, ...rest } = spec as Fields;
  // A set that has only itself left ("." is the field as a whole) is kept: it is managed, too.
  const fieldsV1 = Object.keys(rest).length === 0 ? others : { ...others, [SPEC]: rest };
  return Object.keys(fieldsV1).length === 0 ? undefined : { ...entry, fieldsV1 };
}
