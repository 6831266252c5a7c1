import { ConfigError } from './schema.js';

interface Gate {
  default: boolean;
  /** Cannot be turned off any more. */
  isLocked?: boolean;
}

/** The gates of Kubernetes 1.36 that this proxy acts upon. */
const GATES: Readonly<Record<string, Gate>> = {
  AllAlpha: { default: false },
  AllBeta: { default: false },
  AllowServiceExternalIPs: { default: true },
  ComponentFlagz: { default: true },
  ComponentStatusz: { default: true },
  NFTablesProxyMode: { default: true, isLocked: true },
};

/** The value in force of a gate that this proxy knows. */
export function isEnabled(gates: Readonly<Record<string, boolean>>, name: keyof typeof GATES): boolean {
  return gates[name] ?? GATES[name]!.default;
}

/**
 * Judges the gates of a configuration. Kubernetes has a gate list of its own for every component together; names that
 * mean nothing to a proxy are reported instead of refused, since they may be right in another release.
 */
export function checkFeatureGates(
  gates: Readonly<Record<string, boolean>>,
  report: (warning: string) => void,
): void {
  for (const [name, value] of Object.entries(gates)) {
    const gate = Object.hasOwn(GATES, name) ? GATES[name]! : undefined;
    if (gate === undefined) report(`unrecognized feature gate: ${name}`);
    else if (gate.isLocked === true && value !== gate.default) {
      throw new ConfigError(
        'featureGates',
        `cannot set feature gate ${name} to ${value}, feature is locked to ${gate.default}`,
      );
    }
  }
}
