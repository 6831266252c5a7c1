import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { findMessage } from '../schema/messages.js';
import type { TypeRef } from '../schema/type-ref.js';

const root = new URL('../../../', import.meta.url);

describe('generated types', () => {
  it('match the tables they come from', async () => {
    const script = new URL('scripts/generate-types.mjs', root).href;
    const { generateAll } = (await import(/* @vite-ignore */ script)) as {
      generateAll: (check: boolean) => string[];
    };
    expect(generateAll(true)).toEqual([]);
  });
});

interface Published {
  name: string;
  fields: { name: string; type: string }[];
}

/** The interfaces of a declaration file of the `kubernetes-types` package (Kubernetes 1.30). */
function publishedInterfaces(text: string): Published[] {
  const found: Published[] = [];
  for (const [, name, body] of text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .matchAll(/export interface (\w+) \{([\s\S]*?)\n\}/g)) {
    const fields = [...body!.matchAll(/^ {4}"?([\w$-]+)"?\??: (.*?);?$/gm)].map((m) => ({
      name: m[1]!,
      type: m[2]!,
    }));
    found.push({ name: name!, fields });
  }
  return found;
}

/** How that package would write our type. */
function shapeOf(type: TypeRef): RegExp {
  switch (type.type) {
    case 'list':
      return /^Array</;
    case 'map':
      return /^\{$|Record|\[/;
    case 'boolean':
      return /^boolean$/;
    case 'int32':
    case 'int64':
    case 'double':
      return /^number$/;
    case 'string':
    case 'bytes':
    case 'time':
    case 'micro-time':
      return /^string$|^"|^Time$|^MicroTime$/;
    default:
      return /./;
  }
}

describe('the schema tables', () => {
  it('agree with the types that the Kubernetes project publishes for an older release', () => {
    const packages = new URL('node_modules/kubernetes-types/', root);
    const differences: string[] = [];
    let compared = 0;
    for (const group of [
      'apps',
      'batch',
      'coordination',
      'core',
      'discovery',
      'events',
      'meta',
      'networking',
      'policy',
      'rbac',
      'scheduling',
    ]) {
      const file = fileURLToPath(new URL(`${group}/v1.d.ts`, packages));
      expect(readdirSync(fileURLToPath(new URL(group, packages)))).toContain('v1.d.ts');
      for (const { name, fields } of publishedInterfaces(readFileSync(file, 'utf8'))) {
        const message = findMessage(`${group}.v1.${name}`);
        if (message === undefined) continue;
        for (const { name: field, type } of fields) {
          const ours = message.fields.get(field);
          compared++;
          if (ours === undefined) differences.push(`${message.name}.${field} is missing`);
          else if (!shapeOf(ours.type).test(type))
            differences.push(`${message.name}.${field} is ${type}, not ${ours.type.type}`);
        }
      }
    }
    expect(compared).toBeGreaterThan(1000);
    // Replaced by resourceClaimName and resourceClaimTemplateName in 1.31.
    expect(differences).toEqual(['core.v1.PodResourceClaim.source is missing']);
  });
});
