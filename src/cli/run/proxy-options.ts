import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { createClientFromConfig, inClusterConfig, loadKubeconfig } from '#client';
import { flagsToFields, loadProxyConfig, type ProxyConfig } from '#proxy';
import { configFlags, loggingFlags, type ProxyFlag } from '../commands/proxy-flags.js';
import { UsageError } from '../up/settings.js';

/** The flags of `kubesvc proxy`, as they were given; those for fields of the file by their names in `proxy-flags.ts`. */
export interface Options extends Partial<Record<string, string | true>> {
  config?: string;
  master?: string;
  hostnameOverride?: string;
  writeConfigTo?: string;
  cleanup?: string | true;
  initOnly?: string | true;
  dryRun?: true;
}

export interface ProxySetup {
  config: ProxyConfig;
  nodeName: string;
  /** What was odd about flags and file. */
  warnings: string[];
  /** The file's content, to notice when it changes; undefined without a file. */
  content: string | undefined;
}

/** `healthz-port` → `healthzPort`, as the parser of the command line names them. */
const camelCase = (name: string) => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

function given(options: Options, flags: readonly ProxyFlag[]): Record<string, string | true> {
  const found: Record<string, string | true> = {};
  for (const { name } of flags) {
    const value = options[camelCase(name)];
    // `-v=4` reaches us as `=4`.
    if (value !== undefined) found[name] = value === true ? true : value.replace(/^=/, '');
  }
  return found;
}

function warningsAbout(flags: Record<string, string | true>, file: string | undefined): string[] {
  const names = Object.keys(flags);
  if (file !== undefined && names.length > 0) {
    return [`ignored since --config is given: ${names.map((name) => `--${name}`).join(', ')}`];
  }
  return configFlags.flatMap(({ name, deprecated }) =>
    deprecated !== undefined && flags[name] !== undefined
      ? [`Flag --${name} has been deprecated, ${deprecated}`]
      : [],
  );
}

/** The name of the Node: the flag's, the file's, or the host's. */
function nodeNameOf(options: Options, config: ProxyConfig): string {
  const named = options.hostnameOverride;
  if (named !== undefined && named !== '' && named.trim() === '') {
    throw new UsageError('empty hostname-override is invalid');
  }
  return ((named ?? '').trim() || config.hostnameOverride.trim() || hostname()).toLowerCase();
}

/** Configuration as file and flags say: beside a file only the logging flags and the node's name count, as upstream. */
export function readOptions(options: Options): ProxySetup {
  const fields = given(options, configFlags);
  const content = options.config === undefined ? undefined : readFileSync(options.config, 'utf8');
  const overrides = {
    ...(content === undefined ? flagsToFields(configFlags, fields) : {}),
    ...flagsToFields(loggingFlags, given(options, loggingFlags)),
  };
  const { config, warnings } = loadProxyConfig(content ?? '', overrides);
  const nodeName = nodeNameOf(options, config);
  if (options.hostnameOverride !== undefined) config.hostnameOverride = nodeName;
  return { config, nodeName, content, warnings: [...warningsAbout(fields, options.config), ...warnings] };
}

/** A client as the configuration says; a kubeconfig flag counts when the file names none. */
export function proxyClient(options: Options, config: ProxyConfig) {
  const { kubeconfig, qps, burst } = config.clientConnection;
  const path = kubeconfig || (typeof options['kubeconfig'] === 'string' ? options['kubeconfig'] : '');
  const from = path === '' ? inClusterConfig() : loadKubeconfig(path);
  const reach = options.master === undefined ? from : { ...from, server: options.master };
  return createClientFromConfig(reach, 'kubesvc-proxy', { qps, burst });
}
