import { type FSWatcher, readFileSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Startable } from '#base';

/**
 * Calls back once when a file's content is no longer what it was. The directory is watched, so that files which are
 * replaced by renaming, or by turning a link as mounted ConfigMaps are, count too. A file that is gone has not changed yet.
 */
export function watchFile(path: string, content: string, onChange: () => void): Startable {
  let watcher: FSWatcher | undefined;
  const look = () => {
    let now: string;
    try {
      now = readFileSync(path, 'utf8');
    } catch {
      return;
    }
    // An editor truncates before it writes: what counts comes with the next event.
    if (now === content || (now === '' && content !== '')) return;
    watcher?.close();
    onChange();
  };
  return {
    async start() {
      watcher = watch(dirname(path), { persistent: false }, (_event, name) => {
        if (name === null || name === basename(path) || name.startsWith('..')) look();
      });
      // Without a watch the file just cannot change under us, as far as we can tell.
      watcher.on('error', () => watcher?.close());
      look();
    },
    async stop() {
      watcher?.close();
    },
  };
}
