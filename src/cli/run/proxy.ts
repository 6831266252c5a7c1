import { writeFile } from 'node:fs/promises';
import { createLogger, createMetrics, type Logger, systemClock } from '#base';
import { createEventRecorder, createInformerFactory } from '#client';
import { createPrograms } from '#host';
import {
  applyOomScoreAdj,
  cleanupProxy,
  createProxy,
  formatProxyConfig,
  initializeNode,
  toConfigFile,
} from '#proxy';
import { configFlags, loggingFlags } from '../commands/proxy-flags.js';
import { watchFile } from '../compose/file-watch.js';
import { logLevel, runUntilSignal } from '../compose/standalone.js';
import { closing } from '../compose/startables.js';
import { type Options, type ProxySetup, proxyClient, readOptions } from './proxy-options.js';

const CHANGED = "content of the proxy server's configuration file was updated";

const isOn = (value: string | true | undefined) => value === true || /^(1|t|true)$/i.test(value ?? '');

/** Runs the component until a signal, or until its configuration file changes. */
export async function run(options: Options): Promise<void> {
  const setup = readOptions(options);
  const { config, warnings } = setup;
  const logger = createLogger({ level: logLevel(String(config.logging.verbosity)), component: 'proxy' });
  for (const warning of warnings) logger.warn(warning);
  if (options.writeConfigTo !== undefined) {
    await writeFile(options.writeConfigTo, formatProxyConfig(config));
    logger.info('Wrote configuration', { file: options.writeConfigTo });
    return;
  }
  const programs = createPrograms({ logger });
  if (isOn(options.cleanup)) {
    await programs.start();
    await cleanupProxy(programs);
    await programs.stop();
    return;
  }
  if (isOn(options.initOnly)) {
    await programs.start();
    await initializeNode(config, programs, logger).finally(() => programs.stop());
    return;
  }
  await serve(options, setup, programs, logger);
}

async function serve(
  options: Options,
  { config, nodeName, content }: ProxySetup,
  programs: ReturnType<typeof createPrograms>,
  logger: Logger,
): Promise<void> {
  await applyOomScoreAdj(config.oomScoreAdj, logger);
  const client = proxyClient(options, config);
  const informers = createInformerFactory(client, { logger });
  const proxy = createProxy(
    { config, nodeName, flags: flagValues(toConfigFile(config), options) },
    {
      client,
      informers,
      programs,
      logger,
      metrics: createMetrics(),
      clock: systemClock,
      events: createEventRecorder(client, { component: 'kube-proxy', host: nodeName, logger }),
    },
  );
  // Rules stay; whoever started this process starts it again, with the new configuration.
  const watch =
    content === undefined
      ? []
      : [
          watchFile(options.config!, content, () => {
            process.stderr.write(`kubesvc: ${CHANGED}\n`);
            process.exit(1);
          }),
        ];
  // Watches that go on would keep a process that could not start from ending.
  const watches = { async start() {}, stop: async () => informers.stop() };
  await runUntilSignal([programs, closing([client]), watches, ...watch, proxy], logger);
}

/** Every flag with the value in force, for /flagz. */
function flagValues(file: Record<string, unknown>, options: Options): Record<string, string> {
  const values: Record<string, string> = { config: options.config ?? '', master: options.master ?? '' };
  for (const { name, fields, deprecated } of [...configFlags, ...loggingFlags]) {
    if (deprecated !== undefined) continue;
    let value: unknown = file;
    for (const part of fields[0]!.split('.')) value = (value as Record<string, unknown> | undefined)?.[part];
    values[name] = typeof value === 'object' ? JSON.stringify(value) : String(value ?? '');
  }
  return values;
}
