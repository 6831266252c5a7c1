import type { core } from '#api';

const envName = (name: string): string => name.toUpperCase().replaceAll('-', '_');

function hasClusterIP(service: core.Service): boolean {
  const ip = service.spec?.clusterIP;
  return ip !== undefined && ip !== '' && ip !== 'None';
}

/**
 * Services that a pod's containers learn of by environment: `default/kubernetes` always, those of the pod's
 * namespace when service links are on (kubelet_pods.go getServiceEnvVarMap; on a clash the namespace's wins).
 */
export function visibleServices(
  services: core.Service[],
  namespace: string,
  enableServiceLinks: boolean,
): core.Service[] {
  const byName = new Map<string, core.Service>();
  for (const service of services) {
    const { namespace: where, name } = service.metadata;
    if (!hasClusterIP(service)) continue;
    if (where === namespace && enableServiceLinks) byName.set(name!, service);
    else if (where === 'default' && name === 'kubernetes' && !byName.has(name)) byName.set(name, service);
  }
  return [...byName.values()];
}

const bracketed = (ip: string): string => (ip.includes(':') ? `[${ip}]` : ip);

/** The variables of one Service (kubelet/envvars/envvars.go). */
function variablesOf(service: core.Service): Record<string, string> {
  const ip = service.spec!.clusterIP!;
  const ports = service.spec!.ports ?? [];
  const name = envName(service.metadata.name!);
  const env: Record<string, string> = { [`${name}_SERVICE_HOST`]: ip };
  const first = ports[0];
  if (first === undefined) return env;
  env[`${name}_SERVICE_PORT`] = String(first.port);
  for (const port of ports)
    if (port.name !== undefined && port.name !== '')
      env[`${name}_SERVICE_PORT_${envName(port.name)}`] = String(port.port);
  ports.forEach((port, i) => {
    const protocol = port.protocol ?? 'TCP';
    const url = `${protocol.toLowerCase()}://${bracketed(ip)}:${port.port}`;
    const prefix = `${name}_PORT_${port.port}_${protocol}`;
    if (i === 0) env[`${name}_PORT`] = url;
    env[prefix] = url;
    env[`${prefix}_PROTO`] = protocol.toLowerCase();
    env[`${prefix}_PORT`] = String(port.port);
    env[`${prefix}_ADDR`] = ip;
  });
  return env;
}

/** Discovery by environment: a snapshot for a container that starts now. */
export function serviceEnv(services: core.Service[]): Record<string, string> {
  return Object.assign({}, ...services.map(variablesOf));
}
