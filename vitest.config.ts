import { defineConfig } from 'vitest/config';

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
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/architecture/**/*.test.ts'],
          isolate: false,
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/**/*.test.ts'],
          exclude: ['test/architecture/**'],
          fileParallelism: false,
          globalSetup: ['test/support/root-namespace.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
