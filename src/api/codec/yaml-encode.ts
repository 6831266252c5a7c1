import { yaml } from './yaml-library.js';
import { resolvePlain } from './yaml-scalars.js';

/**
 * Writes a JSON value as YAML the way upstream's chain does: keys sorted, long lines kept, and quotes around
 * every text that a YAML 1.1 reader (go-yaml v2) would take for something else.
 */
export function encodeYaml(value: unknown): Buffer {
  const { Document, visit } = yaml();
  const document = new Document(value, {
    schema: 'core',
    aliasDuplicateObjects: false,
    sortMapEntries: true,
  });
  visit(document, {
    Scalar: (_, node) => {
      if (typeof node.value === 'string' && needsQuotes(node.value)) node.type = 'QUOTE_DOUBLE';
    },
  });
  return Buffer.from(document.toString({ lineWidth: 0 }), 'utf8');
}

/** Words, numbers (also in base sixty), the merge key, and characters that YAML cannot hold unescaped. */
function needsQuotes(text: string): boolean {
  return (
    resolvePlain(text) !== text ||
    text === '<<' ||
    /^[-+]?[0-9][0-9_]*:[0-9:.]*$/.test(text) ||
    /[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]/.test(text)
  );
}
