/** What a template may show of a question. */
export interface TemplateData {
  zone: string;
  name: string;
  class: string;
  type: string;
  remote: string;
  /** The whole match and its groups. */
  match: string[];
  group: Record<string, string>;
}

type Part = (data: TemplateData) => string;

/** A template with something that is not known here. */
export class TemplateError extends Error {}

/**
 * The part of Go's text/template that records are made of: `{{ .Zone }}`, `.Name`, `.Class`, `.Type`, `.Remote`, `.Group.NAME`,
 * `index .Match N`, and `parseInt` of the latter two with a base and a size. All else is a TemplateError.
 */
export function compileTemplate(text: string): Part {
  const parts: Part[] = [];
  let at = 0;
  for (const match of text.matchAll(/\{\{(.*?)\}\}/g)) {
    const literal = text.slice(at, match.index);
    parts.push(() => literal, expression(match[1]!.replace(/^-|-$/g, '').trim()));
    at = match.index + match[0].length;
  }
  const rest = text.slice(at);
  if (rest.includes('{{')) throw new TemplateError(`unclosed action in ${JSON.stringify(text)}`);
  return (data) => parts.map((part) => part(data)).join('') + rest;
}

function expression(text: string): Part {
  const call = /^parseInt\s+(.+?)\s+(\d+)\s+\d+$/.exec(text);
  if (call !== null) {
    const inner = value(call[1]!.replace(/^\((.*)\)$/, '$1'));
    return (data) => String(Number.parseInt(inner(data), Number(call[2])));
  }
  return value(text);
}

function value(text: string): Part {
  const index = /^index\s+\.Match\s+(\d+)$/.exec(text);
  if (index !== null) return (data) => data.match[Number(index[1])] ?? '';
  const group = /^\.Group\.(\w+)$/.exec(text);
  // As Go's templates write what a map does not have.
  if (group !== null) return (data) => data.group[group[1]!] ?? '<no value>';
  const field = /^\.(Zone|Name|Class|Type|Remote)$/.exec(text)?.[1]?.toLowerCase();
  if (field === undefined) throw new TemplateError(`unknown expression ${JSON.stringify(text)}`);
  return (data) => data[field as 'zone' | 'name' | 'class' | 'type' | 'remote'];
}
