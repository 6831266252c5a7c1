import { expect, it } from 'vitest';
import { reportsProgressSafely } from './version.js';

it.each([
  ['3.4.23', false],
  ['3.4.31', true],
  ['3.5.12', false],
  ['3.5.13', true],
  ['3.5.16', true],
  ['3.6.0', true],
  ['3.6.0-rc.1', true],
  ['3.3.27', false],
  ['4.0.0', true],
  ['', false],
])('etcd %j reports requested progress in order: %j', (version, safe) => {
  expect(reportsProgressSafely(version)).toBe(safe);
});
