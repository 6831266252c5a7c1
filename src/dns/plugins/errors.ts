import type { Logger } from '#base';
import { type Directive, directiveError } from '../corefile/parse.js';
import { typeName } from '../wire/constants.js';
import { formatName } from '../wire/name.js';
import { mapReply, type Plugin, type Reply } from './plugin.js';
import { duration, expectArgs, type PluginSetup, unknownProperty } from './setup-context.js';

type Level = 'debug' | 'info' | 'warn' | 'error';
const LEVELS: Record<string, Level> = { warning: 'warn', error: 'error', info: 'info', debug: 'debug' };

interface Consolidation {
  seconds: number;
  pattern: RegExp;
  level: Level;
  count: number;
  timer: NodeJS.Timeout | undefined;
}

/** `errors { consolidate DURATION REGEXP [LEVEL]; stacktrace }`: logs why queries failed (CoreDNS plugin/errors). */
export function setupErrors(directive: Directive, setup: PluginSetup): Plugin {
  if (directive.args.length > 1 || (directive.args[0] ?? 'stdout') !== 'stdout')
    throw directiveError(directive, `invalid log file: ${directive.args[0]}`);
  const consolidations: Consolidation[] = [];
  for (const line of directive.block) {
    if (line.name === 'consolidate') consolidations.push(consolidation(line));
    else if (line.name === 'stacktrace') expectArgs(line, 0);
    else throw unknownProperty(line);
  }
  const { logger } = setup.runtime.server;
  return {
    name: 'errors',
    handle: (request, next) =>
      mapReply(next(request), (reply: Reply) => {
        if (reply.error === undefined) return reply;
        const text = `${formatName(request.labels)} ${typeName(request.query.type)}: ${reply.error}`;
        const group = consolidations.find((c) => c.pattern.test(text));
        if (group === undefined) logger.error(text, { plugin: 'errors' });
        else collect(group, logger);
        return reply;
      }),
    async stop() {
      for (const c of consolidations) flush(c, logger);
    },
  };
}

function consolidation(line: Directive): Consolidation {
  const [seconds, pattern = '', level = 'error'] = expectArgs(line, 2, 3);
  const known = LEVELS[level];
  if (known === undefined) throw directiveError(line, `unknown log level argument in consolidate: ${level}`);
  try {
    return {
      seconds: duration(seconds, line),
      pattern: new RegExp(pattern),
      level: known,
      count: 0,
      timer: undefined,
    };
  } catch (error) {
    if (error instanceof SyntaxError)
      throw directiveError(line, `invalid regular expression: ${error.message}`);
    throw error;
  }
}

function collect(group: Consolidation, logger: Logger): void {
  group.count++;
  group.timer ??= setTimeout(() => flush(group, logger), group.seconds * 1000).unref();
}

function flush(group: Consolidation, logger: Logger): void {
  clearTimeout(group.timer);
  group.timer = undefined;
  if (group.count > 0)
    logger[group.level](
      `${group.count} errors like '${group.pattern.source}' occurred in last ${group.seconds}s`,
    );
  group.count = 0;
}
