// The helper process that starts programs for its owner. Plain JavaScript, so that it can be forked from the
// sources and from the build alike, and small, because fork() costs in proportion to memory.
// Protocol (IPC, structured clone): see spawn-client.ts.
import { spawn } from 'node:child_process';

const children = new Map();

// Ctrl-C reaches the whole foreground group; the owner decides when to stop.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('disconnect', () => process.exit(0));
process.on('message', (message) => {
  if (message.op === 'run') run(message);
  else if (message.op === 'spawn') start(message);
  else if (message.op === 'kill') kill(message);
});

function send(message, handle) {
  if (!process.connected) return;
  process.send(message, handle, {}, () => {});
}

function failure(id, error) {
  send({ id, error: { code: error.code ?? 'ESPAWN', message: error.message } });
}

function run({ id, file, args, input, env, cwd, timeoutMs, maxOutputBytes }) {
  const child = spawn(file, args, { env, cwd, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  const output = [[], []];
  const sizes = [0, 0];
  let overflow = false;
  const timer = setTimeout(() => killSession(child), timeoutMs);
  [child.stdout, child.stderr].forEach((stream, i) => {
    stream.on('data', (chunk) => {
      sizes[i] += chunk.length;
      if (sizes[i] <= maxOutputBytes) output[i].push(chunk);
      else if (!overflow) {
        overflow = true;
        killSession(child);
      }
    });
  });
  // A program may end without reading its input.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  child.once('error', (error) => {
    clearTimeout(timer);
    failure(id, error);
  });
  child.once('close', (code, signal) => {
    clearTimeout(timer);
    if (child.pid === undefined) return;
    if (overflow)
      return failure(id, { code: 'EOUTPUT', message: `${file} printed more than ${maxOutputBytes} bytes` });
    const [stdout, stderr] = output.map((chunks) => Buffer.concat(chunks).toString('utf8'));
    send({ id, result: { code, signal, stdout, stderr } });
  });
}

/** Children of the program hold its pipes open, so all of them have to go. */
function killSession(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Already gone.
  }
}

function start({ id, file, args, env, cwd, stdin, stdout, stderr, session }) {
  const stdio = [stdin, stdout, stderr].map((s) => (s === 'null' ? 'ignore' : s));
  let child;
  try {
    child = spawn(file, args, { env, cwd, stdio, detached: session });
  } catch (error) {
    return failure(id, error);
  }
  child.once('error', (error) => {
    if (child.pid === undefined) failure(id, error);
  });
  if (child.pid === undefined) return;
  children.set(id, child);
  send({ id, started: child.pid });
  [child.stdin, child.stdout, child.stderr].forEach((stream, index) => {
    if (stream === null) return;
    // The owner takes the pipe over; bytes read here in between would be lost.
    stream._handle.readStop();
    send({ id, stream: index }, stream);
  });
  child.once('exit', (code, signal) => {
    children.delete(id);
    send({ id, exited: { code, signal } });
  });
}

function kill({ id, signal, group }) {
  const child = children.get(id);
  if (child?.pid === undefined) return;
  try {
    if (group) process.kill(-child.pid, signal);
    else child.kill(signal);
  } catch (error) {
    if (error.code !== 'ESRCH') send({ id, warning: error.message });
  }
}
