// Echo server and client for kernel tests, run inside network namespaces.
import { createSocket } from 'node:dgram';
import { createConnection, createServer, isIPv6 } from 'node:net';
import { createInterface } from 'node:readline';

const [, , role, ...args] = process.argv;
// Under emulation on a busy machine everything may stand still for seconds; what is lost stays lost.
const TIMEOUT_MS = role === 'load' && process.env.KUBESVC_TEST_GUEST !== undefined ? 10_000 : 1500;
const plain = (address) => (address ?? '').replace(/^::ffff:/, '');

function serve(name, port) {
  const answer = (address) => JSON.stringify({ server: name, client: plain(address) });
  const tcp = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(answer(socket.remoteAddress));
  });
  const udp = createSocket('udp6');
  udp.on('message', (_, from) => udp.send(answer(from.address), from.port, from.address));
  tcp.listen(port, '::', () => udp.bind(port, '::', () => console.log('listening')));
}

function askTcp(address, port) {
  return new Promise((resolve) => {
    const socket = createConnection({ host: address, port });
    let text = '';
    const fail = (server) => {
      socket.destroy();
      resolve({ server, client: '' });
    };
    const timer = setTimeout(() => fail('timeout'), TIMEOUT_MS);
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', (error) => {
      clearTimeout(timer);
      fail(error.code);
    });
    socket.on('end', () => {
      clearTimeout(timer);
      resolve(JSON.parse(text));
    });
  });
}

function askUdp(address, port) {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const done = (answer) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => done({ server: 'timeout', client: '' }), TIMEOUT_MS);
    socket.on('error', (error) => done({ server: error.code, client: '' }));
    socket.on('message', (text) => done(JSON.parse(text)));
    // Connected, so that an ICMP reject reaches us as ECONNREFUSED.
    socket.connect(port, address, () => socket.send('?'));
  });
}

/**
 * Asks over and over until told to stop (SIGTERM), then reports how often it went well and how it did not. Told by
 * SIGUSR2, it says when what was being asked then has ended.
 */
async function load(protocol, address, port) {
  const counts = {};
  let running = true;
  let turn = false;
  process.on('SIGTERM', () => {
    running = false;
  });
  process.on('SIGUSR2', () => {
    turn = true;
  });
  console.log('running');
  while (running) {
    const { server } = await (protocol === 'tcp' ? askTcp : askUdp)(address, port);
    counts[server] = (counts[server] ?? 0) + 1;
    if (turn) console.log('turn');
    turn = false;
    // Leaves the processors to what is being tested.
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  console.log(JSON.stringify(counts));
}

if (role === 'serve') serve(args[0], Number(args[1]));
else if (role === 'load') await load(args[0], args[1], Number(args[2]));
else {
  // A question per line, its answers on a line.
  for await (const line of createInterface({ input: process.stdin })) {
    const { protocol, address, port, count } = JSON.parse(line);
    const answers = [];
    for (let i = 0; i < count; i++) answers.push(await (protocol === 'tcp' ? askTcp : askUdp)(address, port));
    console.log(JSON.stringify(answers));
  }
}
