// A UDP client that keeps one socket, as long-lived clients do: asks without pause and prints who answers whenever that
// changes (`refused` for an ICMP refusal).
import { createSocket } from 'node:dgram';

const [, , address, port] = process.argv;
let last = '';
const tell = (server) => {
  if (server !== last) console.log(server);
  last = server;
};
const socket = createSocket('udp4');
socket.on('message', (text) => tell(JSON.parse(text).server));
socket.on('error', () => tell('refused'));
socket.connect(Number(port), address, () => {
  setInterval(() => socket.send('?', () => {}), 10);
});
