import type { Command } from 'commander';
import type { AgentConfig } from '../compose/agent.js';

/** `kubesvc agent`: what `kubesvc up` starts inside each node's namespaces. Not for users. */
export function register(program: Command): void {
  program.command('agent', { hidden: true }).action(agent);
}

/** Configuration comes in `KUBESVC_AGENT`; the end of standard input means that the cluster stops. */
async function agent(): Promise<void> {
  const config = JSON.parse(process.env['KUBESVC_AGENT'] ?? '{}') as AgentConfig;
  // Ctrl-C is for the parent, which then closes our input.
  process.on('SIGINT', () => {});
  const { createLogger } = await import('#base');
  const { createPrograms } = await import('#host');
  const logger = createLogger({ level: config.logLevel, component: config.name, file: config.logFile });
  // The helper is forked while this process is small, and comes up beside the loading of the rest.
  const programs = createPrograms({ logger });
  await programs.start();
  const { createAgent } = await import('../compose/agent.js');
  const running = createAgent(config, { logger, programs });
  const stop = new Promise<void>((resolve) => {
    process.stdin.once('end', resolve).once('error', resolve).once('close', resolve).resume();
    process.once('SIGTERM', resolve);
  });
  await running.start();
  process.stdout.write(`ready ${process.pid}\n`);
  await stop;
  await running.stop();
  process.exit(0);
}
