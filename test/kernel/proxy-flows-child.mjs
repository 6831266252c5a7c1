// One host of test/kernel/proxy-flows.test.ts, told what to do by JSON lines on standard input; each is answered with
// one line. Servers name what was asked and who asked, so that untouched connections are told from directed ones.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

/** Enough to meet each of three endpoints, but for one run in a million. */
const TRIES = 36;
const AT_ONCE = 6;
const SILENCE_MS = 500;
/** A refusal may arrive while the kernel is still sending the request: TCP over IPv6 then hears the one to its second try. */
const SILENCE_TCP6_MS = 1300;

const FAILURES = { ECONNREFUSED: 'REJECT', ETIMEDOUT: 'DROP' };
/** A timer in many short steps: while the machine lets this process wait, its time stands still. */
function after(ms, run) {
  const step = 25;
  let left = ms / step;
  const timer = setInterval(() => {
    if (--left > 0) return;
    clearInterval(timer);
    run();
  }, step);
  return timer;
}

const plain = (address) => address.replace(/^::ffff:/, '');
let open = [];

/** `tcp`: ports of every address; `udp`: [address, port] pairs, since answers must come from the address asked. */
async function serve({ family, tcp, udp }) {
  for (const server of open) server.close();
  open = [];
  for (const port of tcp) {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      // Who asked may have given up already.
      if (socket.remoteAddress === undefined) return;
      socket.write(`${JSON.stringify([plain(socket.localAddress), port, plain(socket.remoteAddress)])}\n`);
    });
    server.listen({ port, host: family === 4 ? '0.0.0.0' : '::', ipv6Only: family === 6 });
    open.push(server);
    await once(server, 'listening');
  }
  for (const [address, port] of udp) {
    const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
    socket.on('message', (_, from) => {
      socket.send(JSON.stringify([address, port, from.address]), from.port, from.address);
    });
    socket.bind(port, address);
    open.push(socket);
    await once(socket, 'listening');
  }
}

function askTcp({ family, source, destination, port }) {
  return new Promise((resolve) => {
    const socket = connect({ host: destination, port, localAddress: source });
    const timer = after(family === 6 ? SILENCE_TCP6_MS : SILENCE_MS, () => finish('DROP'));
    let text = '';
    const finish = (result) => {
      clearInterval(timer);
      // Leaves no socket behind that waits where a masqueraded port will come again.
      socket.resetAndDestroy();
      resolve(result);
    };
    socket.on('data', (data) => {
      text += data;
      if (text.endsWith('\n')) finish(text);
    });
    socket.on('error', (error) => finish(FAILURES[error.code] ?? error.code));
  });
}

function askUdp({ family, source, destination, port }) {
  return new Promise((resolve) => {
    const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
    const timer = after(SILENCE_MS, () => finish('DROP'));
    const finish = (result) => {
      clearInterval(timer);
      socket.close();
      resolve(result);
    };
    socket.on('message', (text) => finish(String(text)));
    socket.on('error', (error) => finish(FAILURES[error.code] ?? error.code));
    socket.bind(0, source, () => {
      socket.connect(port, destination, () => socket.send('?'));
    });
  });
}

/** What came of one flow: endpoints as the tables write them, and whether they saw another source. */
async function outcome(flow) {
  const once = flow.protocol === 'udp' ? askUdp : askTcp;
  // A busy machine must not look like a dropped packet.
  const ask = async () => {
    let answer = 'DROP';
    for (let i = 0; i < 3 && answer === 'DROP'; i++) answer = await once(flow);
    return answer;
  };
  const answers = new Set([await ask()]);
  // One refusal says it all, and the kernel limits how many it sends.
  for (let i = 0; i < TRIES && [...answers][0].startsWith('['); i += AT_ONCE) {
    for (const answer of await Promise.all(Array.from({ length: AT_ONCE }, ask))) answers.add(answer);
  }
  const ends = new Set();
  let masq = false;
  for (const answer of answers) {
    if (!answer.startsWith('[')) return { output: answer, masq: false };
    const [address, port, client] = JSON.parse(answer);
    if (client !== flow.source) masq = true;
    if (address !== flow.destination || port !== flow.port) ends.add(`${address}:${port}`);
  }
  return { output: [...ends].sort().join(', '), masq };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { op, ...request } = JSON.parse(line);
  const answer = op === 'serve' ? await serve(request) : await Promise.all(request.flows.map(outcome));
  process.stdout.write(`${JSON.stringify(answer ?? null)}\n`);
}
