import type { UserInfo } from '../contracts.js';

/** Fields of one CSV line; quotes double inside quoted fields. Throws on a quote that is never closed. */
function splitCsv(line: string): string[] {
  const fields: string[] = [];
  const pattern = /\s*(?:"((?:[^"]|"")*)"|([^",]*))\s*(,|$)/y;
  while (pattern.lastIndex <= line.length) {
    const match = pattern.exec(line);
    if (match === null) throw new SyntaxError('malformed CSV');
    fields.push(match[1] === undefined ? match[2]!.trim() : match[1].replaceAll('""', '"'));
    if (match[3] === '') break;
  }
  return fields;
}

/**
 * Parses a static token file (--token-auth-file): `token,user,uid[,"group1,group2"]` per line. Throws
 * SyntaxError naming the line, so that a broken file stops the server instead of locking people out silently.
 */
export function parseTokenFile(text: string): Map<string, UserInfo> {
  const users = new Map<string, UserInfo>();
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [token = '', name = '', uid = '', groups = ''] = splitCsv(line);
    if (token === '' || name === '')
      throw new SyntaxError(`token file line ${i + 1}: token,user,uid are needed`);
    users.set(token, {
      name,
      uid,
      groups: groups
        .split(',')
        .map((group) => group.trim())
        .filter((group) => group !== ''),
    });
  }
  return users;
}
