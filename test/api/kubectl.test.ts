import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeEnvelope, decodeObject, KindRegistry, type KubeObject, parseApiVersion } from '#api';
import { type FakeServerOptions, startFakeServer } from './fake-server.js';

const run = promisify(execFile);
const installed = await run('kubectl', ['version', '--client'], { timeout: 20_000 }).then(
  () => true,
  () => false,
);

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'kubesvc-api-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

type Kubectl = (...args: string[]) => Promise<string>;

/** Runs `use` with a kubectl that talks to a fake server; the command's output, or its error text, is returned. */
async function withServer<T>(
  options: FakeServerOptions,
  use: (kubectl: Kubectl, bodies: { bytes: Buffer; contentType: string | undefined }[]) => Promise<T>,
): Promise<T> {
  const server = await startFakeServer(options);
  const cache = await mkdtemp(join(directory, 'cache-'));
  const kubectl: Kubectl = async (...args) => {
    const common = ['--server', server.url, '--kubeconfig', '/dev/null', '--cache-dir', cache];
    try {
      const { stdout } = await run('kubectl', [...common, ...args], { timeout: 30_000 });
      return stdout;
    } catch (error) {
      return (error as { stderr: string }).stderr;
    }
  };
  try {
    return await use(kubectl, server.bodies);
  } finally {
    await server.close();
  }
}

describe.skipIf(!installed)('a real kubectl', () => {
  it('explains fields from the OpenAPI 3 documents', async () => {
    await withServer({}, async (kubectl) => {
      const ports = await kubectl('explain', 'service.spec.ports');
      expect(ports).toContain('FIELD: ports <[]ServicePort>');
      expect(ports).toMatch(/port\t<integer> -required-\n\s+The port on the Service's address\./);
      expect(await kubectl('explain', 'deploy', '--recursive')).toMatch(/livenessProbe\t<Probe>/);
      expect(await kubectl('explain', 'endpointslice.endpoints.conditions')).toContain(
        'GROUP:      discovery.k8s.io',
      );
    });
  });

  it('explains fields from the protobuf form of OpenAPI 2 when there is no OpenAPI 3', async () => {
    await withServer({ openApiV3: false }, async (kubectl) => {
      const text = await kubectl('explain', 'service.spec', '--output', 'plaintext-openapiv2');
      expect(text).toContain('RESOURCE: spec <Object>');
      expect(text).toMatch(/ports\t<\[\]Object>/);
    });
  });

  it('sends protobuf that reads back as what it shows', async () => {
    await withServer({}, async (kubectl, bodies) => {
      const kinds = new KindRegistry();
      for (const command of [
        'create deployment d --image=a:1 --port=80',
        'create service clusterip s --tcp=80:http',
        'create job j --image=b',
      ]) {
        const shown = JSON.parse(
          await kubectl(...command.split(' '), '--dry-run=client', '-o', 'json'),
        ) as KubeObject;
        await kubectl(...command.split(' '));
        const { bytes, contentType } = bodies.at(-1)!;
        const envelope = decodeEnvelope(bytes);
        const { group, version } = parseApiVersion(envelope.apiVersion);
        const kind = kinds.byKind(group, version, envelope.kind)!;
        const expected = decodeObject(Buffer.from(JSON.stringify(shown)), 'application/json', { kind });
        expect(decodeObject(bytes, contentType, { kind }).object).toEqual(expected.object);
      }
    });
  });

  it('reads what we write as protobuf', async () => {
    const metadata = {
      name: 'web',
      namespace: 'default',
      labels: { app: 'web' },
      creationTimestamp: '2024-01-02T03:04:05Z',
    };
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...metadata, annotations: { note: 'x'.repeat(300) } },
      spec: {
        type: 'NodePort',
        clusterIP: '10.96.0.7',
        clusterIPs: ['10.96.0.7'],
        ports: [{ name: 'http', port: 80, targetPort: 'web', nodePort: 30080, protocol: 'TCP' }],
        selector: { app: 'web' },
        sessionAffinity: 'ClientIP',
      },
    };
    const slices = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSliceList',
      metadata: { resourceVersion: '5' },
      items: [
        {
          metadata,
          addressType: 'IPv4',
          endpoints: [{ addresses: ['10.244.1.2'], conditions: { ready: true } }],
          ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
        },
      ],
    };
    const objects = {
      '/api/v1/namespaces/default/services/web': service,
      '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices': slices as unknown as KubeObject,
      '/api/v1/namespaces/default/events': {
        apiVersion: 'v1',
        kind: 'EventList',
        metadata: {},
        items: [],
      } as KubeObject,
    };
    await withServer({ objects }, async (kubectl) => {
      const text = await kubectl('describe', 'service', 'web');
      for (const line of [
        /^Name: +web$/m,
        /^IP: +10\.96\.0\.7$/m,
        /^Port: +http +80\/TCP$/m,
        /^TargetPort: +web\/TCP$/m,
        /^NodePort: +http +30080\/TCP$/m,
        /^Session Affinity: +ClientIP$/m,
        /^Endpoints: +10\.244\.1\.2:8080$/m,
      ]) {
        expect(text).toMatch(line);
      }
    });
  });
});
