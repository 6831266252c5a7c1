// Bundles the command for a fast start: one process loads a handful of files instead of several hundred. Names and line
// structure are kept, so that stack traces stay readable. Packages with native parts, and those that are loaded only
// when something needs them, stay outside.
import { builtinModules } from 'node:module';

const outside = ['lmdb', '@grpc/grpc-js', '@grpc/proto-loader'];

export default {
  input: { main: 'src/cli/main.ts' },
  platform: 'node',
  // No module of ours does anything by being loaded: what a command does not use stays out of its chunks.
  treeshake: { moduleSideEffects: (id, external) => external || !id.includes('/src/') },
  external: (id) =>
    id.startsWith('node:') ||
    builtinModules.includes(id) ||
    outside.some((name) => id === name || id.startsWith(`${name}/`)),
  output: {
    dir: 'dist/cli',
    format: 'esm',
    minify: false,
    sourcemap: true,
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
  },
};
