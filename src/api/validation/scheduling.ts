import type { core, meta } from '../types/index.js';
import type { Check, Path } from './field-error.js';
import { dns1123Label, labelValue, nameIsDnsSubdomain } from './formats.js';
import { checkLabelName, checkLabelSelector, checkSetOperator } from './labels.js';

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

/** A taint's effect; empty is allowed where it means "all effects". */
export function checkTaintEffect(check: Check, path: Path, effect: string, allowEmpty: boolean): void {
  if (effect === '') {
    if (!allowEmpty) check.required(path);
  } else check.optionalOneOf(path, effect, EFFECTS);
}

/** Tolerations of a pod. */
export function checkTolerations(check: Check, path: Path, tolerations: core.Toleration[] = []): void {
  tolerations.forEach((toleration, i) => {
    const at = `${path}[${i}]`;
    const { key = '', operator = '', value = '', effect = '' } = toleration;
    if (key !== '') checkLabelName(check, `${at}.key`, key);
    else if (operator !== 'Exists') {
      check.invalid(
        `${at}.operator`,
        operator,
        'operator must be Exists when `key` is empty, which means "match all values and all keys"',
      );
    }
    if (toleration.tolerationSeconds !== undefined && effect !== 'NoExecute') {
      check.invalid(`${at}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
    }
    if (operator === '' || operator === 'Equal') {
      const errors = labelValue(value);
      if (errors.length > 0) check.invalid(`${at}.operator`, value, errors.join(';'));
    } else if (operator === 'Exists') {
      if (value !== '')
        check.invalid(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'");
    } else check.notSupported(`${at}.operator`, operator, ['Equal', 'Exists']);
    if (effect !== '') checkTaintEffect(check, `${at}.effect`, effect, true);
  });
}

function checkNodeRequirement(
  check: Check,
  path: Path,
  requirement: core.NodeSelectorRequirement,
  strictValues: boolean,
): void {
  const values = requirement.values ?? [];
  const { operator } = requirement;
  if (operator === 'Gt' || operator === 'Lt') {
    if (values.length !== 1) {
      check.required(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'");
    }
  } else if (!checkSetOperator(check, path, operator, values)) {
    check.invalid(`${path}.operator`, operator ?? '', 'not a valid selector operator');
  }
  checkLabelName(check, `${path}.key`, requirement.key ?? '');
  if (!strictValues) return;
  values.forEach((value, i) => {
    check.invalidEach(`${path}.values[${i}]`, value, labelValue(value));
  });
}

function checkNodeField(check: Check, path: Path, requirement: core.NodeSelectorRequirement): void {
  const values = requirement.values ?? [];
  if (requirement.operator !== 'In' && requirement.operator !== 'NotIn') {
    check.invalid(`${path}.operator`, requirement.operator ?? '', 'not a valid selector operator');
  } else if (values.length !== 1) {
    check.required(
      `${path}.values`,
      "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
    );
  }
  if (requirement.key !== 'metadata.name') {
    check.invalid(`${path}.key`, requirement.key ?? '', 'not a valid field selector key');
    return;
  }
  values.forEach((value, i) => {
    check.invalidEach(`${path}.values[${i}]`, value, nameIsDnsSubdomain(value));
  });
}

function checkNodeTerm(check: Check, path: Path, term: core.NodeSelectorTerm, strictValues: boolean): void {
  (term.matchExpressions ?? []).forEach((requirement, i) => {
    checkNodeRequirement(check, `${path}.matchExpressions[${i}]`, requirement, strictValues);
  });
  (term.matchFields ?? []).forEach((requirement, i) => {
    checkNodeField(check, `${path}.matchFields[${i}]`, requirement);
  });
}

function checkNodeAffinity(check: Check, path: Path, affinity: core.NodeAffinity): void {
  const required = affinity.requiredDuringSchedulingIgnoredDuringExecution;
  if (required !== undefined) {
    const at = `${path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`;
    const terms = required.nodeSelectorTerms ?? [];
    if (terms.length === 0) check.required(at, 'must have at least one node selector term');
    terms.forEach((term, i) => {
      checkNodeTerm(check, `${at}[${i}]`, term, true);
    });
  }
  (affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []).forEach((term, i) => {
    const at = `${path}.preferredDuringSchedulingIgnoredDuringExecution[${i}]`;
    checkWeight(check, at, term.weight);
    checkNodeTerm(check, `${at}.preference`, term.preference ?? {}, false);
  });
}

function checkWeight(check: Check, path: Path, weight = 0): void {
  if (weight <= 0 || weight > 100) check.invalid(`${path}.weight`, weight, 'must be in the range 1-100');
}

function checkLabelKeys(
  check: Check,
  path: Path,
  keys: string[],
  selector: meta.LabelSelector | undefined,
): void {
  if (keys.length === 0) return;
  if (selector === undefined) {
    return check.forbidden(path, 'must not be specified when labelSelector is not set');
  }
  keys.forEach((key, i) => {
    checkLabelName(check, `${path}[${i}]`, key);
  });
}

function checkPodTerm(check: Check, path: Path, term: core.PodAffinityTerm): void {
  checkLabelSelector(check, `${path}.labelSelector`, term.labelSelector);
  checkLabelSelector(check, `${path}.namespaceSelector`, term.namespaceSelector);
  for (const name of term.namespaces ?? []) check.invalidEach(`${path}.namespace`, name, dns1123Label(name));
  const { matchLabelKeys = [], mismatchLabelKeys = [] } = term;
  checkLabelKeys(check, `${path}.matchLabelKeys`, matchLabelKeys, term.labelSelector);
  checkLabelKeys(check, `${path}.mismatchLabelKeys`, mismatchLabelKeys, term.labelSelector);
  matchLabelKeys.forEach((key, i) => {
    if (mismatchLabelKeys.includes(key)) {
      check.invalid(
        `${path}.matchLabelKeys[${i}]`,
        key,
        'exists in both matchLabelKeys and mismatchLabelKeys',
      );
    }
  });
  if ((term.topologyKey ?? '') === '') check.required(`${path}.topologyKey`, 'can not be empty');
  checkLabelName(check, `${path}.topologyKey`, term.topologyKey ?? '');
}

function checkPodAffinity(check: Check, path: Path, affinity: core.PodAffinity): void {
  (affinity.requiredDuringSchedulingIgnoredDuringExecution ?? []).forEach((term, i) => {
    checkPodTerm(check, `${path}.requiredDuringSchedulingIgnoredDuringExecution[${i}]`, term);
  });
  (affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []).forEach((weighted, i) => {
    const at = `${path}.preferredDuringSchedulingIgnoredDuringExecution[${i}]`;
    checkWeight(check, at, weighted.weight);
    checkPodTerm(check, `${at}.podAffinityTerm`, weighted.podAffinityTerm ?? { topologyKey: '' });
  });
}

/** Node and pod affinity. */
export function checkAffinity(check: Check, path: Path, affinity: core.Affinity | undefined): void {
  if (affinity?.nodeAffinity !== undefined)
    checkNodeAffinity(check, `${path}.nodeAffinity`, affinity.nodeAffinity);
  if (affinity?.podAffinity !== undefined)
    checkPodAffinity(check, `${path}.podAffinity`, affinity.podAffinity);
  if (affinity?.podAntiAffinity !== undefined) {
    checkPodAffinity(check, `${path}.podAntiAffinity`, affinity.podAntiAffinity);
  }
}

function checkSpread(check: Check, path: Path, spread: core.TopologySpreadConstraint): void {
  if ((spread.maxSkew ?? 0) <= 0) {
    check.invalid(`${path}.maxSkew`, spread.maxSkew ?? 0, 'must be greater than zero');
  }
  if ((spread.topologyKey ?? '') === '') check.required(`${path}.topologyKey`, 'can not be empty');
  const action = spread.whenUnsatisfiable ?? '';
  check.optionalOneOf(`${path}.whenUnsatisfiable`, action, ['DoNotSchedule', 'ScheduleAnyway']);
  if (spread.minDomains !== undefined) {
    if (spread.minDomains <= 0) {
      check.invalid(`${path}.minDomains`, spread.minDomains, 'must be greater than zero');
    }
    if (action !== 'DoNotSchedule') {
      check.invalid(
        `${path}.minDomains`,
        spread.minDomains,
        `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${action}`,
      );
    }
  }
  check.optionalOneOf(`${path}.nodeAffinityPolicy`, spread.nodeAffinityPolicy, ['Honor', 'Ignore']);
  check.optionalOneOf(`${path}.nodeTaintsPolicy`, spread.nodeTaintsPolicy, ['Honor', 'Ignore']);
  checkLabelKeys(check, `${path}.matchLabelKeys`, spread.matchLabelKeys ?? [], spread.labelSelector);
  checkLabelSelector(check, `${path}.labelSelector`, spread.labelSelector);
}

/** Topology spread constraints; one per topology key and action. */
export function checkTopologySpread(
  check: Check,
  path: Path,
  constraints: core.TopologySpreadConstraint[] = [],
): void {
  constraints.forEach((constraint, i) => {
    const at = `${path}[${i}]`;
    checkSpread(check, at, constraint);
    const again = constraints
      .slice(i + 1)
      .some(
        (other) =>
          other.topologyKey === constraint.topologyKey &&
          other.whenUnsatisfiable === constraint.whenUnsatisfiable,
      );
    if (again) {
      check.duplicate(
        `${at}.{topologyKey, whenUnsatisfiable}`,
        `{${constraint.topologyKey}, ${constraint.whenUnsatisfiable}}`,
      );
    }
  });
}
