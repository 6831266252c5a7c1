import { beforeEach, describe, expect, it } from 'vitest';
import { Errors } from '#api';
import { FakeClock } from '#base';
import type { Client } from './client.js';
import { ServiceAccountTransport } from './service-account-transport.js';
import type { Transport, TransportRequest } from './transport.js';

async function* nothing(): AsyncGenerator<Buffer> {}

describe('requests as a service account', () => {
  let clock: FakeClock;
  let accounts: string[];
  let issued: number;
  let refused: string[];
  let sent: (string | undefined)[];
  let transport: ServiceAccountTransport;

  beforeEach(() => {
    clock = new FakeClock();
    accounts = ['web'];
    issued = 0;
    refused = [];
    sent = [];
    const inner: Transport = {
      request: async ({ headers }: TransportRequest) => {
        sent.push(headers['authorization']);
        const status = refused.includes(headers['authorization']!) ? 401 : 200;
        return { status, headers: {}, body: nothing() };
      },
      close() {},
    };
    const resource = () => ({
      create: async (object: { metadata: { name: string } }) => accounts.push(object.metadata.name),
      createSubresource: async (name: string) => {
        if (!accounts.includes(name)) throw Errors.notFound({ group: '', resource: 'serviceaccounts' }, name);
        const expirationTimestamp = new Date(clock.now() + 3_600_000).toISOString();
        return { status: { token: `t${++issued}`, expirationTimestamp } };
      },
    });
    const client = { resource } as unknown as Client;
    transport = new ServiceAccountTransport(inner, { namespace: 'kube-system', name: 'web', client, clock });
  });
  const ask = () => transport.request({ method: 'GET', path: '/', headers: {} });

  it('share a token until four fifths of its life are over', async () => {
    await Promise.all([ask(), ask()]);
    clock.advance(2_879_000);
    await ask();
    expect(sent).toEqual(['Bearer t1', 'Bearer t1', 'Bearer t1']);
    clock.advance(2_000);
    await Promise.all([ask(), ask()]);
    expect(sent.slice(3)).toEqual(['Bearer t2', 'Bearer t2']);
  });

  it('create the account when it does not exist', async () => {
    accounts = [];
    await ask();
    expect([accounts, sent]).toEqual([['web'], ['Bearer t1']]);
  });

  it('ask for another token once when the server refuses one', async () => {
    refused = ['Bearer t1'];
    expect((await ask()).status).toBe(200);
    refused = ['Bearer t2', 'Bearer t3'];
    expect((await ask()).status).toBe(401);
    expect(sent).toEqual(['Bearer t1', 'Bearer t2', 'Bearer t2', 'Bearer t3']);
  });
});
