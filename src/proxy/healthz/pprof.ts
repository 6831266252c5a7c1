import type { Session as InspectorSession } from 'node:inspector/promises';

/** Profiles that may be asked for, longest first stopped. */
const MAX_SECONDS = 120;
const DEFAULT_SECONDS = 30;

/** One answer of `/debug/pprof/`; JSON profiles open in Chrome's and VS Code's viewers. */
export interface ProfileAnswer {
  contentType: string;
  /** Undefined for pages. */
  fileName?: string;
  body: string;
}

const INDEX = `<html><head><title>/debug/pprof/</title></head><body>
<p>Profiles of this process (V8's formats: .cpuprofile and .heapprofile)</p>
<ul>
<li><a href="cmdline">cmdline</a>: the command line</li>
<li><a href="profile?seconds=10">profile</a>: where time is spent, over ?seconds=N</li>
<li><a href="heap?seconds=10">heap</a>: what allocates memory, over ?seconds=N</li>
</ul></body></html>
`;

export const profilePaths = [
  '/debug/pprof/',
  '/debug/pprof/cmdline',
  '/debug/pprof/profile',
  '/debug/pprof/heap',
];

/** Serves `/debug/pprof/…` (upstream's paths); undefined for names that there are not. */
export async function profile(path: string, query: URLSearchParams): Promise<ProfileAnswer | undefined> {
  const name = path.slice('/debug/pprof/'.length);
  if (name === '') return { contentType: 'text/html; charset=utf-8', body: INDEX };
  if (name === 'cmdline') return { contentType: 'text/plain; charset=utf-8', body: process.argv.join('\0') };
  if (name === 'profile')
    return { ...json, fileName: 'profile.cpuprofile', body: await cpuProfile(seconds(query)) };
  if (name === 'heap')
    return { ...json, fileName: 'heap.heapprofile', body: await heapProfile(seconds(query)) };
  return undefined;
}

const json = { contentType: 'application/json' };

function seconds(query: URLSearchParams): number {
  const asked = Number(query.get('seconds') ?? DEFAULT_SECONDS);
  return Number.isFinite(asked) && asked > 0 ? Math.min(asked, MAX_SECONDS) : DEFAULT_SECONDS;
}

const pause = (s: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, s * 1000).unref();
  });

async function withInspector<T>(work: (session: InspectorSession) => Promise<T>): Promise<T> {
  const { Session } = await import('node:inspector/promises');
  const session = new Session();
  session.connect();
  try {
    return await work(session);
  } finally {
    session.disconnect();
  }
}

function cpuProfile(s: number): Promise<string> {
  return withInspector(async (session) => {
    await session.post('Profiler.enable');
    await session.post('Profiler.start');
    await pause(s);
    const { profile: found } = await session.post('Profiler.stop');
    return JSON.stringify(found);
  });
}

function heapProfile(s: number): Promise<string> {
  return withInspector(async (session) => {
    await session.post('HeapProfiler.enable');
    await session.post('HeapProfiler.startSampling');
    await pause(s);
    const { profile: found } = await session.post('HeapProfiler.stopSampling');
    return JSON.stringify(found);
  });
}
