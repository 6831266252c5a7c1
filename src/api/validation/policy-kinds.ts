import { compareQuantities } from '../selectors/quantity.js';
import type { autoscaling, core, policy, Quantity, scheduling } from '../types/index.js';
import { Check, type Path, semanticEqual } from './field-error.js';
import { nameIsDnsSubdomain, qualifiedName } from './formats.js';
import { checkAtMost100Percent, checkIntOrPercent } from './int-or-percent.js';
import { checkLabelSelector } from './labels.js';
import { checkObjectMeta, checkObjectMetaUpdate } from './object-meta.js';
import { checkQuantity, isOvercommitAllowed } from './resources.js';

type Errors = Check['errors'];

const SUBDOMAIN = { namespaced: true, name: nameIsDnsSubdomain };

function checkBudget(check: Check, budget: policy.PodDisruptionBudget): void {
  checkObjectMeta(check, budget.metadata, SUBDOMAIN);
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy } = budget.spec ?? {};
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    check.invalid('spec', budget.spec, 'minAvailable and maxUnavailable cannot be both set');
  }
  for (const [field, value] of Object.entries({ minAvailable, maxUnavailable })) {
    if (value === undefined) continue;
    checkIntOrPercent(check, `spec.${field}`, value);
    checkAtMost100Percent(check, `spec.${field}`, value);
  }
  checkLabelSelector(check, 'spec.selector', selector);
  check.optionalOneOf('spec.unhealthyPodEvictionPolicy', unhealthyPodEvictionPolicy, [
    'AlwaysAllow',
    'IfHealthyBudget',
  ]);
}

export function validatePodDisruptionBudget(budget: policy.PodDisruptionBudget): Errors {
  const check = new Check();
  checkBudget(check, budget);
  return check.errors;
}

const MAX_USER_PRIORITY = 1_000_000_000;
const SYSTEM_CLASSES: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};

export function validatePriorityClass(priority: scheduling.PriorityClass): Errors {
  const check = new Check();
  checkObjectMeta(check, priority.metadata, { namespaced: false, name: nameIsDnsSubdomain });
  const name = priority.metadata.name ?? '';
  const value = priority.value ?? 0;
  if (name.startsWith('system-')) {
    if (!Object.hasOwn(SYSTEM_CLASSES, name) || SYSTEM_CLASSES[name] !== value) {
      check.forbidden(
        'metadata.name',
        `priority class names with 'system-' prefix are reserved for system use only. error: ${name} is not a known system priority class`,
      );
    }
  } else if (value > MAX_USER_PRIORITY) {
    check.forbidden('value', `maximum allowed value of a user defined priority is ${MAX_USER_PRIORITY}`);
  }
  check.optionalOneOf('preemptionPolicy', priority.preemptionPolicy, ['PreemptLowerPriority', 'Never']);
  return check.errors;
}

export function validatePriorityClassUpdate(
  priority: scheduling.PriorityClass,
  old: scheduling.PriorityClass,
): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, priority.metadata, old.metadata);
  if ((priority.value ?? 0) !== (old.value ?? 0))
    check.forbidden('value', 'may not be changed in an update.');
  check.immutable('preemptionPolicy', priority.preemptionPolicy, old.preemptionPolicy);
  return check.errors;
}

/** Scale of any workload. */
export function validateScale(scale: autoscaling.Scale): Errors {
  const check = new Check();
  checkObjectMeta(check, scale.metadata, SUBDOMAIN);
  check.nonNegative('spec.replicas', scale.spec?.replicas);
  return check.errors;
}

function checkResourceName(check: Check, path: Path, name: string): void {
  check.invalidEach(path, name, qualifiedName(name));
}

type Amounts = Record<string, Quantity>;

/** min ≤ defaultRequest ≤ default ≤ max, as far as each is given. */
function checkAmounts(check: Check, at: Path, name: string, item: core.LimitRangeItem): void {
  const of = (amounts: Amounts | undefined): Quantity | undefined =>
    Object.hasOwn(amounts ?? {}, name) ? amounts![name] : undefined;
  const min = of(item.min);
  const max = of(item.max);
  const limit = of(item.default);
  const request = of(item.defaultRequest);
  const ratio = of(item.maxLimitRequestRatio);
  const above = (a: Quantity | undefined, b: Quantity | undefined): boolean =>
    a !== undefined && b !== undefined && compareQuantities(a, b) > 0;
  const fail = (field: string, value: Quantity | undefined, text: string): void =>
    check.invalid(`${at}.${field}[${name}]`, String(value), text);
  if (above(min, max)) fail('min', min, `min value ${min} is greater than max value ${max}`);
  if (above(min, request)) {
    fail('defaultRequest', request, `min value ${min} is greater than default request value ${request}`);
  }
  if (above(request, max)) {
    fail('defaultRequest', request, `default request value ${request} is greater than max value ${max}`);
  }
  if (above(request, limit)) {
    fail(
      'defaultRequest',
      request,
      `default request value ${request} is greater than default limit value ${limit}`,
    );
  }
  if (above(min, limit)) fail('default', min, `min value ${min} is greater than default value ${limit}`);
  if (above(limit, max)) fail('default', max, `default value ${limit} is greater than max value ${max}`);
  if (ratio !== undefined && compareQuantities(ratio, 1) < 0) {
    fail('maxLimitRequestRatio', ratio, `ratio ${ratio} is less than 1`);
  }
  const differs = limit !== undefined && request !== undefined && compareQuantities(limit, request) !== 0;
  if (!isOvercommitAllowed(name) && differs) {
    fail(
      'defaultRequest',
      request,
      `default value ${limit} must equal to defaultRequest value ${request} in ${name}`,
    );
  }
}

const AMOUNT_FIELDS = ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const;

function checkLimit(check: Check, at: Path, item: core.LimitRangeItem): void {
  const type = item.type ?? '';
  checkResourceName(check, `${at}.type`, type);
  const names = new Set<string>();
  for (const field of AMOUNT_FIELDS) {
    for (const name of Object.keys(item[field] ?? {})) {
      names.add(name);
      checkResourceName(check, `${at}.${field}[${name}]`, name);
    }
  }
  if (type === 'Pod') {
    if (Object.keys(item.default ?? {}).length > 0) {
      check.forbidden(`${at}.default`, "may not be specified when `type` is 'Pod'");
    }
    if (Object.keys(item.defaultRequest ?? {}).length > 0) {
      check.forbidden(`${at}.defaultRequest`, "may not be specified when `type` is 'Pod'");
    }
  }
  if (
    type === 'PersistentVolumeClaim' &&
    item.min?.['storage'] === undefined &&
    item.max?.['storage'] === undefined
  ) {
    check.required(
      `${at}.limits`,
      'either minimum or maximum storage value is required, but neither was provided',
    );
  }
  for (const name of names) checkAmounts(check, at, name, item);
}

export function validateLimitRange(range: core.LimitRange): Errors {
  const check = new Check();
  checkObjectMeta(check, range.metadata, SUBDOMAIN);
  const types = new Set<string>();
  (range.spec?.limits ?? []).forEach((item, i) => {
    const at = `spec.limits[${i}]`;
    checkLimit(check, at, item);
    if (types.has(item.type)) check.duplicate(`${at}.type`, item.type);
    types.add(item.type);
  });
  return check.errors;
}

function checkAmountsOf(check: Check, path: Path, amounts: Amounts | undefined): void {
  for (const [name, value] of Object.entries(amounts ?? {})) {
    checkResourceName(check, `${path}[${name}]`, name);
    checkQuantity(check, `${path}[${name}]`, name, value);
  }
}

const SCOPES = [
  'BestEffort',
  'CrossNamespacePodAffinity',
  'NotBestEffort',
  'NotTerminating',
  'PriorityClass',
  'Terminating',
  'VolumeAttributesClass',
];

function checkScopes(check: Check, scopes: string[]): void {
  for (const scope of scopes) {
    if (!SCOPES.includes(scope)) check.invalid('spec.scopes', scopes, 'unsupported scope');
  }
  for (const [a, b] of [
    ['BestEffort', 'NotBestEffort'],
    ['Terminating', 'NotTerminating'],
  ] as const) {
    if (scopes.includes(a) && scopes.includes(b)) check.invalid('spec.scopes', scopes, 'conflicting scopes');
  }
}

function checkQuota(check: Check, quota: core.ResourceQuota): void {
  checkAmountsOf(check, 'spec.hard', quota.spec?.hard);
  checkScopes(check, quota.spec?.scopes ?? []);
}

export function validateResourceQuota(quota: core.ResourceQuota): Errors {
  const check = new Check();
  checkObjectMeta(check, quota.metadata, SUBDOMAIN);
  checkQuota(check, quota);
  return check.errors;
}

export function validateResourceQuotaUpdate(quota: core.ResourceQuota, old: core.ResourceQuota): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, quota.metadata, old.metadata);
  checkQuota(check, quota);
  const now = [...(quota.spec?.scopes ?? [])].sort();
  const before = [...(old.spec?.scopes ?? [])].sort();
  if (!semanticEqual(now, before))
    check.invalid('spec.scopes', quota.spec?.scopes ?? [], 'field is immutable');
  return check.errors;
}

export function validateResourceQuotaStatusUpdate(
  quota: core.ResourceQuota,
  old: core.ResourceQuota,
): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, quota.metadata, old.metadata);
  checkAmountsOf(check, 'status.hard', quota.status?.hard);
  checkAmountsOf(check, 'status.used', quota.status?.used);
  return check.errors;
}
