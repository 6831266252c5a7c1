import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findMessage, type KindInfo, message, verbsOf } from '#api';
import { createInProcessTransport } from '#apiserver';
import { damagedOf, structOf } from '../../src/api/schema/testing/arbitrary.js';
import { startServer, type TestServer } from './start-server.js';

let server: TestServer;
let send: ReturnType<typeof createInProcessTransport>;

beforeAll(async () => {
  server = await startServer({ securePort: undefined, advertisePort: 6443, requestTimeoutMs: 5000 });
  send = createInProcessTransport(server.server, { name: 'fuzz', groups: ['system:masters'] });
});
afterAll(async () => {
  await server?.close();
});

async function call(
  method: string,
  url: string,
  body: unknown,
  contentType = 'application/json',
): Promise<{ status: number; text: string }> {
  const answer = await send({
    method,
    url,
    headers: { 'content-type': contentType },
    body: Buffer.from(JSON.stringify(body)),
    signal: new AbortController().signal,
  });
  return { status: answer.status, text: String(answer.body) };
}

function collectionOf({ group, version, namespaced, resource }: KindInfo): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${root}${namespaced ? '/namespaces/default' : ''}/${resource}`;
}

/** An object of the kind with a name that the generator cannot have hit by chance. */
function objectOf(kind: KindInfo, damaged: boolean): fc.Arbitrary<Record<string, unknown>> {
  const schema = message(kind.message);
  return (damaged ? damagedOf(schema) : structOf(schema)).map((object) => {
    const metadata = typeof object['metadata'] === 'object' ? object['metadata'] : {};
    const kept: Record<string, unknown> = { ...(metadata as object), name: 'fuzzed', namespace: undefined };
    // Upstream answers 500 to it, and so does ours.
    delete kept['resourceVersion'];
    return { ...object, apiVersion: undefined, kind: undefined, metadata: kept };
  });
}

/** Refused with a 4xx or taken: a 5xx would be a defect. */
async function expectNoDefect(answer: Promise<{ status: number; text: string }>): Promise<void> {
  const { status, text } = await answer;
  expect([status, status >= 500 ? text : '']).toEqual([expect.any(Number), '']);
}

describe('objects that nobody would write', () => {
  const PATCHES = ['merge-patch+json', 'strategic-merge-patch+json', 'apply-patch+yaml'];

  it('are refused or stored, of every kind, whatever is in them', async () => {
    const kinds = [...server.server.kinds].filter((kind) => findMessage(kind.message) !== undefined);
    expect(kinds.length).toBeGreaterThan(30);
    for (const kind of kinds.filter((one) => verbsOf(one).includes('create'))) {
      const url = collectionOf(kind);
      const body = fc.oneof(objectOf(kind, false), objectOf(kind, true));
      const property = fc.asyncProperty(body, body, async (first, second) => {
        await expectNoDefect(call('POST', url, first));
        if (!verbsOf(kind).includes('patch')) return;
        await expectNoDefect(call('PUT', `${url}/fuzzed`, second));
        for (const type of PATCHES) {
          const path = `${url}/fuzzed?fieldManager=f&force=${type.startsWith('apply')}`;
          await expectNoDefect(call('PATCH', path, second, `application/${type}`));
        }
        await expectNoDefect(call('DELETE', `${url}/fuzzed`, {}));
      });
      await fc.assert(property, { numRuns: 5 });
    }
  });
});
