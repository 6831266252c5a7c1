import { type Directive, directiveError } from '../corefile/parse.js';
import { Class, Rcode, Type, typeName } from '../wire/constants.js';
import { formatName, isBelow, type Name } from '../wire/name.js';
import type { Answer, ResourceRecord } from '../wire/record.js';
import { followAlias } from './kubernetes.js';
import { parseRecord } from './parse-record.js';
import { type DnsRequest, type Plugin, type Reply, rcodeReply } from './plugin.js';
import { expectArgs, type PluginSetup, unknownProperty } from './setup-context.js';
import { compileTemplate, type TemplateData, TemplateError } from './template-text.js';
import { zoneNames } from './zone-names.js';

type Section = 'answers' | 'authority' | 'additional';
const SECTIONS: Record<string, Section> = {
  answer: 'answers',
  authority: 'authority',
  additional: 'additional',
};

interface Template {
  /** Undefined: any. */
  class: number | undefined;
  type: number | undefined;
  zones: Name[];
  matches: RegExp[];
  records: Record<Section, ((data: TemplateData) => string)[]>;
  rcode: number;
  fallthrough: Name[] | undefined;
}

/** `template CLASS TYPE [ZONE...] { match; answer; authority; additional; rcode; fallthrough }` (CoreDNS plugin/template). */
export function setupTemplate(directive: Directive, setup: PluginSetup): Plugin {
  const template = parseTemplate(directive, setup);
  return {
    name: 'template',
    handle(request, next) {
      const { query, labels } = request;
      const zone = template.zones.find((z) => isBelow(labels, z));
      const asked =
        (template.class === undefined || template.class === query.class) &&
        (template.type === undefined || template.type === query.type);
      if (zone === undefined || !asked) return next(request);
      const data = matchOf(template, request, zone);
      if (data !== undefined) return answer(template, data, request, setup);
      if (template.fallthrough?.some((z) => isBelow(labels, z)) === true) return next(request);
      return { ...rcodeReply(Rcode.SERVFAIL, 'template'), error: 'no template matches' };
    },
  };
}

function matchOf(template: Template, request: DnsRequest, zone: Name): TemplateData | undefined {
  const name = formatName(request.labels);
  for (const pattern of template.matches) {
    const found = pattern.exec(name);
    if (found === null) continue;
    return {
      zone: formatName(zone),
      name,
      class: request.query.class === Class.IN ? 'IN' : `CLASS${request.query.class}`,
      type: typeName(request.query.type),
      remote: request.remoteAddress,
      match: [...found],
      group: { ...found.groups },
    };
  }
  return undefined;
}

function answer(
  template: Template,
  data: TemplateData,
  request: DnsRequest,
  setup: PluginSetup,
): Reply | Promise<Reply> {
  const out: Answer = {
    rcode: template.rcode,
    authoritative: true,
    answers: [],
    authority: [],
    additional: [],
  };
  for (const section of ['answers', 'authority', 'additional'] as const) {
    for (const make of template.records[section]) {
      const text = make(data);
      const record = parseRecord(text);
      if (record === undefined)
        return { ...rcodeReply(Rcode.SERVFAIL, 'template'), error: `not a record: ${text}` };
      out[section].push(spelled(record, request));
    }
  }
  const last = out.answers.at(-1)?.data;
  if (last?.type === 'CNAME' && request.query.type !== Type.CNAME)
    return followAlias(request, out, last.target, setup.self, 'template');
  return { kind: 'answer', answer: out, by: 'template' };
}

/** Owners that equal the question take its spelling (0x20). */
function spelled(record: ResourceRecord, { query, labels }: DnsRequest): ResourceRecord {
  const same = formatName(record.name).toLowerCase() === formatName(labels);
  return same ? { ...record, name: query.labels } : record;
}

function parseTemplate(directive: Directive, setup: PluginSetup): Template {
  const [queryClass = '', type = '', ...zones] = expectArgs(directive, 2, 100);
  const template: Template = {
    class: classOf(queryClass, directive),
    type: typeOf(type, directive),
    zones: zones.length === 0 ? setup.zones : zones.flatMap((z) => zoneNames(z, directive)),
    matches: [],
    records: { answers: [], authority: [], additional: [] },
    rcode: Rcode.NOERROR,
    fallthrough: undefined,
  };
  for (const line of directive.block) applyLine(template, line);
  if (directive.block.length === 0) throw directiveError(directive, 'template: needs a block');
  if (template.matches.length === 0) template.matches.push(/^.*$/s);
  return template;
}

function applyLine(template: Template, line: Directive): void {
  const section = SECTIONS[line.name];
  if (section !== undefined) {
    template.records[section].push(...expectArgs(line, 1, 100).map((text) => compiled(text, line)));
  } else if (line.name === 'match') {
    template.matches.push(...expectArgs(line, 1, 100).map((text) => pattern(text, line)));
  } else if (line.name === 'rcode') {
    template.rcode = rcodeOf(expectArgs(line, 1)[0]!, line);
  } else if (line.name === 'fallthrough') {
    template.fallthrough = line.args.length === 0 ? [[]] : line.args.flatMap((z) => zoneNames(z, line));
  } else throw unknownProperty(line);
}

function compiled(text: string, line: Directive): (data: TemplateData) => string {
  try {
    return compileTemplate(text);
  } catch (error) {
    if (error instanceof TemplateError)
      throw directiveError(line, `could not compile template: ${error.message}`);
    throw error;
  }
}

/** Go's named groups are JavaScript's but for a letter. */
function pattern(text: string, line: Directive): RegExp {
  try {
    return new RegExp(text.replaceAll('(?P<', '(?<'));
  } catch (error) {
    throw directiveError(line, `could not parse regex: ${(error as Error).message}`);
  }
}

function classOf(text: string, at: Directive): number | undefined {
  if (text === 'ANY') return undefined;
  const value = { IN: Class.IN, CH: Class.CH, HS: 4 }[text];
  if (value === undefined) throw directiveError(at, `invalid query class ${text}`);
  return value;
}

function typeOf(text: string, at: Directive): number | undefined {
  if (text === 'ANY') return undefined;
  const known = Object.entries(Type).find(([name]) => name === text);
  const numeric = /^TYPE(\d{1,5})$/.exec(text);
  if (known === undefined && numeric === null) throw directiveError(at, `invalid RR class ${text}`);
  return known?.[1] ?? Number(numeric![1]);
}

function rcodeOf(text: string, at: Directive): number {
  const known = Object.entries(Rcode).find(([name]) => name === text);
  if (known === undefined || known[1] > 15) throw directiveError(at, `unknown rcode ${text}`);
  return known[1];
}
