import { readFileSync, rmSync } from 'node:fs';
import { writeSecret } from './credentials.js';

/** What a running `kubesvc up` leaves for the other commands; removed on an orderly stop. */
export interface ClusterState {
  pid: number;
  /** Start time of `pid` in clock ticks, against reused process ids. */
  startTime: string;
  initPid: number;
  initStartTime: string;
  rootless: boolean;
  kubeconfig: string;
  server: string;
  dnsIp: string;
  nodes: { name: string; ip: string; socket: string; pid: number }[];
}

export function writeState(path: string, state: ClusterState): void {
  writeSecret(path, `${JSON.stringify(state, null, 2)}\n`);
}

export function readState(path: string): ClusterState | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ClusterState;
  } catch {
    return undefined;
  }
}

export function removeState(path: string): void {
  rmSync(path, { force: true });
}

/** Field 22 of /proc/PID/stat; undefined when there is no such process, or only its zombie. */
export function processStartTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** Whether the process is still the one that was recorded. */
export function isRunning(pid: number, startTime: string): boolean {
  return processStartTime(pid) === startTime;
}
