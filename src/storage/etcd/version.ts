/**
 * Whether this etcd sends requested progress in order with the events (3.4.31, 3.5.13 and 3.6.0 on), as
 * upstream's feature support checker (apiserver/pkg/storage/feature/feature_support_checker.go).
 */
export function reportsProgressSafely(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number);
  if (major !== 3) return major > 3;
  if (minor === 4) return patch >= 31;
  if (minor === 5) return patch >= 13;
  return minor > 5;
}
