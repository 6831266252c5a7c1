import { chmodSync, chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { posix } from 'node:path';
import type { core } from '#api';
import { ConfigError } from '../env/fields.js';
import { PathError, walk } from '../path-walk.js';
import { writeAtomically } from './atomic-writer.js';
import { prepareHostPath } from './host-path.js';
import { isProjection, type PayloadContext, volumePayload } from './payload.js';

export interface PodVolumePaths {
  /** On disk, for emptyDir. */
  disk: string;
  /** In memory, for projections and `medium: Memory`. */
  memory: string;
}

/** The volumes of one pod on the node. */
export class PodVolumes {
  readonly #paths: PodVolumePaths;
  readonly #placed = new Map<string, string>();

  constructor(paths: PodVolumePaths) {
    this.#paths = paths;
  }

  /** Makes every volume of the pod ready. Rejects with ConfigError (or the API's error) for the first that is not. */
  async setUp(context: PayloadContext): Promise<void> {
    const { pod } = context.facts;
    await Promise.all((pod.spec?.volumes ?? []).map((volume) => this.#one(volume, context)));
  }

  /** Projects changed ConfigMaps, Secrets, fields and renewed tokens again; true when something changed. */
  async refresh(context: PayloadContext): Promise<boolean> {
    const volumes = (context.facts.pod.spec?.volumes ?? []).filter(isProjection);
    const changed = await Promise.all(volumes.map((volume) => this.#project(volume, context)));
    return changed.includes(true);
  }

  remove(): void {
    rmSync(this.#paths.memory, { recursive: true, force: true });
    rmSync(this.#paths.disk, { recursive: true, force: true });
  }

  /** The node path that a mount shows, with its subPath created when missing. Throws ConfigError. */
  sourceOf(mount: core.VolumeMount, subPath: string | undefined): string {
    const base = this.#placed.get(mount.name);
    if (base === undefined) throw new ConfigError(`volume "${mount.name}" is not part of the pod`);
    if (subPath === undefined || subPath === '') return base;
    return insideVolume(base, subPath);
  }

  /** A small file that every container of the pod sees, such as /etc/hosts. */
  file(name: string, text: string): string {
    const directory = posix.join(this.#paths.memory, 'etc');
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    const path = posix.join(directory, name);
    writeFileSync(path, text, { mode: 0o644 });
    return path;
  }

  async #one(volume: core.Volume, context: PayloadContext): Promise<void> {
    if (isProjection(volume)) {
      await this.#project(volume, context);
    } else if (volume.emptyDir !== undefined) {
      this.#placed.set(volume.name, this.#emptyDir(volume, context.facts.pod));
    } else if (volume.hostPath !== undefined) {
      this.#placed.set(volume.name, prepareHostPath(volume.hostPath.path, volume.hostPath.type));
    } else {
      const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'unknown';
      throw new ConfigError(
        `volume "${volume.name}": volumes of kind ${kind} are not supported by this node`,
      );
    }
  }

  #emptyDir(volume: core.Volume, pod: core.Pod): string {
    const parent = volume.emptyDir?.medium === 'Memory' ? this.#paths.memory : this.#paths.disk;
    const path = posix.join(parent, 'empty-dir', volume.name);
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o777);
    const gid = pod.spec?.securityContext?.fsGroup;
    if (gid !== undefined) {
      chownSync(path, 0, gid);
      chmodSync(path, 0o2777);
    }
    return path;
  }

  async #project(volume: core.Volume, context: PayloadContext): Promise<boolean> {
    const path = posix.join(this.#paths.memory, 'projected', volume.name);
    const payload = await volumePayload(volume, context);
    const gid = context.facts.pod.spec?.securityContext?.fsGroup;
    const changed = await writeAtomically(path, payload, gid);
    this.#placed.set(volume.name, path);
    return changed;
  }
}

/** Resolves a subPath without leaving the volume; links are followed inside it only. */
function insideVolume(base: string, subPath: string): string {
  const toHost = (path: string) => posix.join(base, path);
  try {
    const walked = walk(`/${subPath}`, toHost);
    const path = toHost(posix.join(walked.existing, ...walked.missing));
    if (walked.missing.length > 0) mkdirSync(path, { recursive: true, mode: 0o755 });
    return path;
  } catch (error) {
    if (error instanceof PathError) throw new ConfigError(`subPath: ${error.message}`);
    throw error;
  }
}
