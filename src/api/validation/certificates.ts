import { certificatesError, parseCertificateRequest } from '#base';
import type { certificates } from '../types/index.js';
import { Check, type Path } from './field-error.js';
import { dns1123Label, dns1123Subdomain, type NameFormat } from './formats.js';
import { checkObjectMeta } from './object-meta.js';

type Errors = Check['errors'];
type Request = certificates.CertificateSigningRequest;
type Condition = certificates.CertificateSigningRequestCondition;

const USAGES = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];
const DECISIONS = ['Approved', 'Denied'];
/** Conditions that stay once they are there, and are never anything but True. */
const FINAL = [...DECISIONS, 'Failed'];
const LEGACY_SIGNER = 'kubernetes.io/legacy-unknown';
const EXCLUSIVE = 'Approved and Denied conditions are mutually exclusive';
const MIN_SECONDS = 600;
const MAX_DOMAIN = 253;
const MAX_SIGNER = MAX_DOMAIN + 1 + 253 + 63 + 1;

/** Requests may be called anything. */
const anyName: NameFormat = () => [];

const specOf = (request: Request | undefined): Partial<Request['spec']> => request?.spec ?? {};
const conditionsOf = (request: Request | undefined): Condition[] => request?.status?.conditions ?? [];
const ofType = (request: Request | undefined, type: string): Condition[] =>
  conditionsOf(request).filter((condition) => condition.type === type);
const hasDuplicates = (items: readonly string[]): boolean => new Set(items).size < items.length;
const pemOf = (base64 = ''): string => Buffer.from(base64, 'base64').toString('latin1');

/** pkg/apis/certificates/validation, ValidateCertificateSigningRequestCreate. */
export function validateCreate(request: Request): Errors {
  const check = new Check();
  checkRequest(check, request, undefined);
  return check.errors;
}

/** What an update through one endpoint may do: /approval decides, /status brings the certificate. */
export function validateUpdate(subresource: '' | 'status' | 'approval') {
  return (request: Request, old: Request): Errors => {
    const check = new Check();
    checkRequest(check, request, old);
    checkDecisions(check, request, old, subresource === 'approval');
    if ((request.status?.certificate ?? '') !== (old.status?.certificate ?? '')) {
      const at = 'status.certificate';
      if (subresource !== 'status') check.forbidden(at, 'updates may not set certificate content');
      else if ((old.status?.certificate ?? '') !== '') {
        check.forbidden(at, 'updates may not modify existing certificate content');
      }
    }
    return check.errors;
  };
}

/** What is wrong with the stored object already is borne with in updates. */
function checkRequest(check: Check, request: Request, old: Request | undefined): void {
  checkObjectMeta(check, request.metadata, { namespaced: false, name: anyName });
  const spec = specOf(request);
  const before = specOf(old);
  const wrong = requestError(spec.request);
  if (wrong !== undefined) check.invalid('spec.request', spec.request, wrong);
  checkUsages(check, spec.usages ?? [], before.usages ?? []);
  if (spec.signerName === LEGACY_SIGNER && before.signerName !== LEGACY_SIGNER) {
    check.invalid(
      'spec.signerName',
      LEGACY_SIGNER,
      'the legacy signerName is not allowed via this API version',
    );
  } else checkSignerName(check, 'spec.signerName', spec.signerName ?? '');
  const { expirationSeconds: seconds } = spec;
  if (seconds !== undefined && seconds < MIN_SECONDS) {
    const why = 'may not specify a duration less than 600 seconds (10 minutes)';
    check.invalid('spec.expirationSeconds', seconds, why);
  }
  checkConditions(check, request, old);
  checkCertificate(check, request.status?.certificate ?? '', old?.status?.certificate);
}

function requestError(request: string | undefined): string | undefined {
  try {
    return parseCertificateRequest(pemOf(request)).signatureError();
  } catch (error) {
    return (error as Error).message;
  }
}

function checkUsages(check: Check, usages: string[], old: string[]): void {
  if (usages.length === 0) check.required('spec.usages', 'usages must be provided');
  if (old.every((usage) => USAGES.includes(usage))) {
    usages.forEach((usage, i) => {
      check.optionalOneOf(`spec.usages[${i}]`, usage, USAGES);
    });
  }
  if (hasDuplicates(old)) return;
  usages.forEach((usage, i) => {
    if (usages.indexOf(usage) < i) check.duplicate(`spec.usages[${i}]`, usage);
  });
}

/** `domain.example/name`, where both sides are made of DNS labels. */
function checkSignerName(check: Check, path: Path, name: string): void {
  if (name === '') return check.required(path, 'signerName must be provided');
  const [domain = '', rest = '', ...more] = name.split('/');
  if (more.length > 0 || !name.includes('/')) {
    const why = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
    return check.invalid(path, name, why);
  }
  if (Buffer.byteLength(domain) > MAX_DOMAIN) check.tooLong(path, MAX_DOMAIN);
  checkParts(check, path, domain, dns1123Label);
  if (!domain.includes('.')) {
    check.invalid(path, domain, 'should be a domain with at least two segments separated by dots');
  }
  checkParts(check, path, rest, dns1123Subdomain);
  if (Buffer.byteLength(name) > MAX_SIGNER) check.tooLong(path, MAX_SIGNER);
}

/** Only the first part that is wrong: what is said of the others would read the same. */
function checkParts(check: Check, path: Path, text: string, format: (part: string) => string[]): void {
  for (const part of text.split('.')) {
    const errors = format(part);
    for (const error of errors)
      check.invalid(path, text, `validating label ${JSON.stringify(part)}: ${error}`);
    if (errors.length > 0) return;
  }
}

function checkConditions(check: Check, request: Request, old: Request | undefined): void {
  const before = conditionsOf(old).map(({ type }) => type);
  const bearsBoth = DECISIONS.every((type) => before.includes(type));
  const seen: string[] = [];
  conditionsOf(request).forEach(({ type, status }, i) => {
    const at = `status.conditions[${i}]`;
    if (type === '' && !before.includes('')) check.required(`${at}.type`);
    check.oneOf(`${at}.status`, status, FINAL.includes(type) ? ['True'] : ['False', 'True', 'Unknown']);
    const other = DECISIONS[1 - DECISIONS.indexOf(type)];
    if (!bearsBoth && DECISIONS.includes(type) && seen.includes(other!)) {
      check.invalid(`${at}.type`, type, EXCLUSIVE);
    }
    if (!hasDuplicates(before) && seen.includes(type)) check.duplicate(`${at}.type`, type);
    seen.push(type);
  });
}

function checkCertificate(check: Check, certificate: string, old: string | undefined): void {
  if (certificate === '' || certificate === old) return;
  if ((old ?? '') !== '' && certificatesError(pemOf(old)) !== undefined) return;
  const wrong = certificatesError(pemOf(certificate));
  if (wrong !== undefined) check.invalid('status.certificate', '<certificate data>', wrong);
}

/** Decisions are taken through /approval and never taken back. What they say cannot change elsewhere: it is kept. */
function checkDecisions(check: Check, request: Request, old: Request, mayDecide: boolean): void {
  const at = 'status.conditions';
  const more = (type: string) => ofType(request, type).length - ofType(old, type).length;
  for (const type of FINAL) {
    if (more(type) < 0) check.forbidden(at, `updates may not remove a condition of type "${type}"`);
  }
  if (mayDecide) return;
  for (const type of DECISIONS) {
    if (more(type) > 0) check.forbidden(at, `updates may not add a condition of type "${type}"`);
  }
}
