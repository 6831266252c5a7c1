import type { Startable } from '#base';
import type { Client } from '#client';

/** Closes clients when the group stops. */
export function closing(clients: readonly Client[]): Startable {
  return {
    async start() {},
    async stop() {
      for (const client of clients) client.close();
    },
  };
}

/** A member that runs already when its group starts, and stops with it. */
export function alreadyStarted(member: Startable): Startable {
  return { async start() {}, stop: () => member.stop() };
}

/** Members that do not need each other start and stop together; a failed start stops the others. */
export function parallel(members: readonly Startable[]): Startable {
  return {
    async start() {
      const results = await Promise.allSettled(members.map((m) => m.start()));
      const failed = results.find((r) => r.status === 'rejected');
      if (failed === undefined) return;
      await Promise.allSettled(members.map((m) => m.stop()));
      throw failed.reason;
    },
    async stop() {
      await Promise.all(members.map((m) => m.stop()));
    },
  };
}
