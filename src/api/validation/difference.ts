type Fields = Record<string, unknown>;

const MAX_LINES = 60;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function walk(label: string, before: unknown, now: unknown, indent: string, lines: string[]): void {
  const a = JSON.stringify(before) ?? 'nil';
  const b = JSON.stringify(now) ?? 'nil';
  if (lines.length >= MAX_LINES || a === b) return;
  if (isObject(before) && isObject(now)) {
    lines.push(`  ${indent}${label}{`);
    const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])];
    for (const key of keys) walk(`${capital(key)}: `, before[key], now[key], `${indent}\t`, lines);
    lines.push(`  ${indent}},`);
    return;
  }
  lines.push(`- ${indent}${label}${a},`, `+ ${indent}${label}${b},`);
}

/** A short diff for people, in the manner of the one that kube-apiserver prints (its text is not stable either). */
export function describeDifference(type: string, before: object, now: object): string {
  const lines: string[] = [];
  walk(type, before, now, '', lines);
  if (lines.length >= MAX_LINES) lines.push('  ...');
  return `${lines.join('\n')}\n`;
}
