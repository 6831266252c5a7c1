import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { posix } from 'node:path';
import type { core } from '#api';
import { containerEnv, type EnvContext } from '../env/container-env.js';
import { expand } from '../env/expand.js';
import { ConfigError } from '../env/fields.js';
import { groupOf, homeOf } from '../process-runtime/tools.js';
import type { ContainerConfig, ContainerSecurity, ImageInfo, Mount } from '../runtime.js';
import type { PodVolumes } from '../volumes/pod-volumes.js';

export interface ConfigInput {
  container: core.Container;
  attempt: number;
  image: ImageInfo;
  env: EnvContext;
  volumes: PodVolumes;
  hostname: string;
  /** Files of the pod that every container sees: /etc/hosts, /etc/hostname, /etc/resolv.conf. */
  etcFiles: { path: string; source: string }[];
  /** Directory on the node for termination messages. */
  messageDirectory: string;
}

/** Everything the runtime needs to start a container. Rejects with ConfigError. */
export async function containerConfig(input: ConfigInput): Promise<ContainerConfig> {
  const { container, image, attempt } = input;
  const { pod } = input.env.facts;
  const security = securityOf(container, pod, image);
  const own = await containerEnv(container, input.env);
  const env: Record<string, string> = { ...image.env, HOSTNAME: input.hostname, ...own };
  env['HOME'] ??= homeOf(security.user.uid ?? 0);
  if (container.tty === true) env['TERM'] ??= 'xterm';
  return {
    podUid: pod.metadata.uid!,
    name: container.name,
    attempt,
    image: container.image ?? '',
    command: commandOf(container, image, own),
    env,
    workingDir: container.workingDir || image.workingDir,
    mounts: [...mountsOf(input, own), ...etcMounts(input)],
    security,
    tty: container.tty ?? false,
    stdin: container.stdin ?? false,
    terminationMessage: terminationFile(input),
  };
}

/** `command` replaces the image's program; `args` its arguments. References to variables are replaced. */
function commandOf(container: core.Container, image: ImageInfo, env: Record<string, string>): string[] {
  const lookup = (name: string) => env[name];
  const command = (container.command ?? []).map((part) => expand(part, lookup));
  const args = (container.args ?? []).map((part) => expand(part, lookup));
  const all = [
    ...(command.length > 0 ? command : args.length > 0 ? image.command.slice(0, 1) : image.command),
    ...args,
  ];
  if (all.length === 0)
    throw new ConfigError(
      `container ${container.name}: image ${JSON.stringify(container.image)} has no program of its own, so "command" is required`,
    );
  return all;
}

function securityOf(container: core.Container, pod: core.Pod, image: ImageInfo): ContainerSecurity {
  const own = container.securityContext ?? {};
  const ofPod = pod.spec?.securityContext ?? {};
  const uid = own.runAsUser ?? ofPod.runAsUser;
  const gid = own.runAsGroup ?? ofPod.runAsGroup ?? (uid === undefined ? undefined : groupOf(uid));
  if ((own.runAsNonRoot ?? ofPod.runAsNonRoot) === true && (uid ?? image.uid) === 0)
    throw new ConfigError(
      uid === 0
        ? "container's runAsUser breaks non-root policy"
        : 'container has runAsNonRoot and image will run as root',
    );
  const groups = [
    ...(ofPod.supplementalGroups ?? []),
    ...(ofPod.fsGroup === undefined ? [] : [ofPod.fsGroup]),
  ];
  return {
    user: {
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
      supplementalGroups: groups,
    },
    privileged: own.privileged ?? false,
    noNewPrivileges: own.allowPrivilegeEscalation === false,
    readOnlyRoot: own.readOnlyRootFilesystem ?? false,
    addCapabilities: own.capabilities?.add ?? [],
    dropCapabilities: own.capabilities?.drop ?? [],
  };
}

function mountsOf({ container, volumes }: ConfigInput, env: Record<string, string>): Mount[] {
  return (container.volumeMounts ?? []).map((mount) => {
    const subPath = mount.subPathExpr ? expand(mount.subPathExpr, (name) => env[name]) : mount.subPath;
    return {
      source: volumes.sourceOf(mount, subPath),
      target: mount.mountPath,
      readOnly: mount.readOnly ?? false,
    };
  });
}

/** The pod's files in /etc, unless a volume is mounted on the same path. */
function etcMounts({ container, etcFiles }: ConfigInput): Mount[] {
  const taken = new Set((container.volumeMounts ?? []).map((mount) => posix.normalize(mount.mountPath)));
  return etcFiles
    .filter(({ path }) => !taken.has(path))
    .map(({ path, source }) => ({ source, target: path, readOnly: false }));
}

function terminationFile(input: ConfigInput): { source: string; target: string } {
  mkdirSync(input.messageDirectory, { recursive: true, mode: 0o755 });
  const source = posix.join(input.messageDirectory, `${input.container.name}-${input.attempt}`);
  closeSync(openSync(source, 'a'));
  // Whatever user the container runs as, and whatever our umask is.
  chmodSync(source, 0o666);
  return { source, target: input.container.terminationMessagePath || '/dev/termination-log' };
}
