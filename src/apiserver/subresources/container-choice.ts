import { type core, Errors } from '#api';

/** The container that a request is about: the named one, or the only one. Throws BadRequest with upstream's texts. */
export function chooseContainer(pod: core.Pod, wanted: string | null): string {
  const spec = pod.spec ?? { containers: [] };
  const name = pod.metadata.name ?? '';
  const all = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
  if (wanted !== null && wanted !== '') {
    if (all.some((container) => container.name === wanted)) return wanted;
    throw Errors.badRequest(`container ${wanted} is not valid for pod ${name}`);
  }
  if (all.length === 1) return all[0]!.name;
  if (all.length === 0) throw Errors.badRequest(`a container name must be specified for pod ${name}`);
  const names = (list: { name: string }[] | undefined) => (list ?? []).map((item) => item.name).join(' ');
  let text = `a container name must be specified for pod ${name}, choose one of: [${names(spec.containers)}]`;
  if ((spec.initContainers ?? []).length > 0) {
    text += ` or one of the init containers: [${names(spec.initContainers)}]`;
  }
  if ((spec.ephemeralContainers ?? []).length > 0) {
    text += ` or one of the ephemeral containers: [${names(spec.ephemeralContainers)}]`;
  }
  throw Errors.badRequest(text);
}
