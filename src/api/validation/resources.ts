import { compareQuantities, parseQuantity } from '../selectors/quantity.js';
import type { core, Quantity } from '../types/index.js';
import type { Check, Path } from './field-error.js';
import { qualifiedName } from './formats.js';

const NANO = 1_000_000_000n;
const CONTAINER_RESOURCES = new Set(['cpu', 'memory', 'ephemeral-storage']);
const INTEGER_RESOURCES = new Set([
  'pods',
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
]);

const isHugePages = (name: string): boolean => name.startsWith('hugepages-');
const isNative = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');

/** `example.com/gpu` and the like: counted in whole units, never overcommitted. */
function isExtended(name: string): boolean {
  return !isNative(name) && !name.startsWith('requests.') && qualifiedName(`requests.${name}`).length === 0;
}
/** Whether requests may be lower than limits. */
export const isOvercommitAllowed = (name: string): boolean => isNative(name) && !isHugePages(name);

/** A resource's amount: not negative, and whole for counted resources. */
export function checkQuantity(check: Check, path: Path, name: string, value: Quantity): void {
  if (compareQuantities(value, 0) < 0) {
    check.invalid(path, String(value), 'must be greater than or equal to 0');
  }
  const counted = INTEGER_RESOURCES.has(name) || isExtended(name);
  if (counted && parseQuantity(value).nano % NANO !== 0n)
    check.invalid(path, String(value), 'must be an integer');
}

function checkContainerResourceName(check: Check, path: Path, name: string): void {
  const before = check.errors.length;
  check.invalidEach(path, name, qualifiedName(name));
  if (check.errors.length > before) return;
  if (!name.includes('/')) {
    if (!CONTAINER_RESOURCES.has(name) && !isHugePages(name)) {
      check.invalid(path, name, 'must be a standard resource for containers');
    }
  } else if (!isNative(name) && !isExtended(name)) {
    check.invalid(path, name, "doesn't follow extended resource name standard");
  }
}

function checkRequest(check: Check, path: Path, name: string, request: Quantity, limit?: Quantity): void {
  const requests = `${path}.requests`;
  if (limit === undefined) {
    if (!isOvercommitAllowed(name)) {
      check.required(`${path}.limits`, 'Limit must be set for non overcommitable resources');
    }
    return;
  }
  const order = compareQuantities(request, limit);
  if (order !== 0 && !isOvercommitAllowed(name)) {
    check.invalid(requests, String(request), `must be equal to ${name} limit of ${limit}`);
  } else if (order > 0) {
    check.invalid(requests, String(request), `must be less than or equal to ${name} limit of ${limit}`);
  }
}

/** Limits and requests of a container or a pod. */
export function checkResourceRequirements(
  check: Check,
  path: Path,
  requirements: core.ResourceRequirements | undefined,
): void {
  const { limits = {}, requests = {} } = requirements ?? {};
  for (const [name, value] of Object.entries(limits)) {
    checkContainerResourceName(check, `${path}.limits[${name}]`, name);
    checkQuantity(check, `${path}.limits[${name}]`, name, value);
  }
  for (const [name, value] of Object.entries(requests)) {
    checkContainerResourceName(check, `${path}.requests[${name}]`, name);
    checkQuantity(check, `${path}.requests[${name}]`, name, value);
    checkRequest(check, path, name, value, Object.hasOwn(limits, name) ? limits[name] : undefined);
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  if (names.some(isHugePages) && !names.includes('cpu') && !names.includes('memory')) {
    check.forbidden(path, 'HugePages require cpu or memory');
  }
}
