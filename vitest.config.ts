import { defineConfig } from 'vitest/config';

const resolve = { conditions: ['kubesvc-source', 'node', 'import', 'default'] };
const ssr = { resolve: { conditions: ['kubesvc-source', 'node', 'import', 'default'] } };

/**
 * Two runners. `unit` is fast and shares one module graph per worker (no isolation), so tests beside the
 * code must not keep module-level state. `integration` starts real programs and kernels, one file at a time.
 */
export default defineConfig({
  test: {
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/**/*.test.ts', 'src/**/testing/**'],
    },
    projects: [
      {
        resolve,
        ssr,
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/architecture/**/*.test.ts'],
          isolate: false,
          testTimeout: 20_000,
        },
      },
      {
        resolve,
        ssr,
        test: {
          name: 'integration',
          include: ['test/**/*.test.ts'],
          exclude: ['test/architecture/**'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
