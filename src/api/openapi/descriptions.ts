import { podDescriptions } from './texts/pod.js';
import { discoveryDescriptions, metaDescriptions, serviceDescriptions } from './texts/service.js';
import { workloadDescriptions } from './texts/workloads.js';

/** Fields that mean the same wherever they are. */
const COMMON: ReadonlyMap<string, string> = new Map([
  ['apiVersion', 'Group and version of the schema that the object is written in.'],
  ['kind', 'The kind of thing that the object is. It cannot change.'],
  ['metadata', 'Standard object metadata.'],
]);

let texts: Map<string, string> | undefined;

/** What a message, or a field of it, is for; undefined where nothing has been written. */
export function describe(message: string, field?: string): string | undefined {
  texts ??= parse([
    metaDescriptions,
    serviceDescriptions,
    discoveryDescriptions,
    podDescriptions,
    workloadDescriptions,
  ]);
  if (field === undefined) return texts.get(message);
  return texts.get(`${message}/${field}`) ?? COMMON.get(field);
}

/** Lines without indent are `message text`, indented ones `field text` of the message above. */
function parse(tables: string[]): Map<string, string> {
  const found = new Map<string, string>();
  let message = '';
  for (const line of tables.join('\n').split('\n')) {
    const trimmed = line.trim();
    const space = trimmed.indexOf(' ');
    if (space < 0) continue;
    const name = trimmed.slice(0, space);
    if (line.startsWith(' ')) found.set(`${message}/${name}`, trimmed.slice(space + 1));
    else {
      message = name;
      found.set(name, trimmed.slice(space + 1));
    }
  }
  return found;
}
