/** What each layer may import from other layers. Siblings never import each other; cli composes all. */
export const layers: Record<string, string[]> = {
  base: [],
  api: ['base'],
  storage: ['base'],
  host: ['base'],
  apiserver: ['base', 'api', 'storage'],
  client: ['base', 'api'],
  controllers: ['base', 'api', 'client'],
  dns: ['base', 'api', 'client'],
  proxy: ['base', 'api', 'client', 'host'],
  node: ['base', 'api', 'client', 'host'],
  cli: ['base', 'api', 'storage', 'apiserver', 'client', 'controllers', 'dns', 'proxy', 'node', 'host'],
};

/** Where each third-party package and each sensitive built-in may be imported: folders below `src`. */
const confined: Record<string, string[]> = {
  'node:child_process': ['host'],
  '@grpc/grpc-js': ['storage/etcd'],
  '@grpc/proto-loader': ['storage/etcd'],
  lmdb: ['storage/lmdb'],
  commander: ['cli'],
  pino: ['base'],
  ws: ['node', 'apiserver'],
  yaml: ['api/codec', 'client', 'proxy/config', 'cli'],
};

export interface SourceFile {
  /** Path below `src`, with slashes. */
  path: string;
  imports: string[];
}

/** Everything wrong with the imports of these files, as sentences. */
export function violations(files: SourceFile[]): string[] {
  return files.flatMap((file) => file.imports.flatMap((target) => check(file, target)));
}

function check(file: SourceFile, target: string): string[] {
  const layer = file.path.split('/')[0]!;
  if (target.startsWith('#')) {
    const isTest = /\.test\.ts$|\/testing\//.test(file.path);
    // Doubles (`#client/testing`) are for tests only.
    const other = isTest ? target.slice(1).replace(/\/testing$/, '') : target.slice(1);
    // A test may use its own layer's edge.
    if (other === layer && isTest) return [];
    return layers[layer]?.includes(other) ? [] : [`${file.path}: layer ${layer} must not import ${target}`];
  }
  if (target.startsWith('.')) {
    const depth = file.path.split('/').length - 1;
    const up = target.split('/').filter((part) => part === '..').length;
    return up >= depth ? [`${file.path}: ${target} leaves its layer; use a # import`] : [];
  }
  if (/\.test\.ts$|\/testing\//.test(file.path)) return [];
  const name = target.startsWith('node:') ? target : packageName(target);
  if (name.startsWith('node:') && confined[name] === undefined) return [];
  const folders = confined[name];
  if (folders === undefined)
    return [`${file.path}: third-party package ${name} is not in the confinement table`];
  return folders.some((folder) => file.path.startsWith(`${folder}/`))
    ? []
    : [`${file.path}: ${name} is confined to ${folders.join(', ')}`];
}

function packageName(target: string): string {
  return target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/');
}

/** The modules that a source text imports, statically, dynamically or for types. */
export function importsOf(text: string): string[] {
  const found: string[] = [];
  const patterns = [
    /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^\s*import\s*['"]([^'"]+)['"]/gm,
    /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g,
  ];
  for (const pattern of patterns) for (const match of text.matchAll(pattern)) found.push(match[1]!);
  return found;
}
