import type { Logger } from '#base';
import type { ContainerUnit } from '../pods/container-unit.js';
import type { PodManager } from '../pods/pod-manager.js';
import type { PodRuntime } from '../runtime.js';
import { serveAttach, serveExec } from './exec-handler.js';
import { HttpError } from './http-error.js';
import { containerPath, findPod, findUnit, runningContainer } from './pod-lookup.js';
import { forwardedPorts, PORT_FORWARD_CHANNELS, serveChannelForward } from './port-forward-channels.js';
import { PORT_FORWARD_PROTOCOL, PORT_FORWARD_TUNNEL, servePortForward } from './port-forward-handler.js';
import { type RemoteChannels, type StreamOptions, streamOptions } from './remote-channels.js';
import { SpdyConnection } from './spdy/connection.js';
import { SPDY_PROTOCOLS, spdyChannels } from './spdy-channels.js';
import {
  acceptSpdy,
  acceptWebSocket,
  choose,
  isSpdy,
  isWebSocket,
  offeredProtocols,
  type Upgrade,
  webSocketDuplex,
} from './upgrade.js';
import { CHANNEL_PROTOCOLS, webSocketChannels } from './websocket-channels.js';

export interface UpgradeDeps {
  manager: PodManager;
  runtime: PodRuntime;
  logger: Logger;
}

/** exec, attach and port-forward. Rejects with HttpError while the answer is still open. */
export async function serveUpgrade(upgrade: Upgrade, deps: UpgradeDeps): Promise<void> {
  const { pathname, searchParams } = new URL(upgrade.request.url ?? '/', 'https://node');
  const [verb, ...segments] = pathname.split('/').filter(Boolean).map(decodeURIComponent);
  if (verb === 'portForward') return forwardPorts(upgrade, segments, deps);
  if (verb !== 'exec' && verb !== 'attach') throw new HttpError(404, '404 page not found');
  const path = containerPath(segments);
  if (path === undefined) throw new HttpError(400, 'missing container name');
  const { unit } = findUnit(deps.manager, path);
  runningContainer(unit);
  const options = streamOptions(searchParams);
  if (!options.stdin && !options.stdout && !options.stderr)
    throw new HttpError(400, 'you must specify at least 1 of stdin, stdout, stderr');
  const command = searchParams.getAll('command');
  if (verb === 'exec' && command.length === 0) throw new HttpError(400, 'you must specify a command');
  await connect(verb, unit, command, options, upgrade, deps);
}

async function connect(
  verb: 'exec' | 'attach',
  unit: ContainerUnit,
  command: string[],
  options: StreamOptions,
  upgrade: Upgrade,
  deps: UpgradeDeps,
): Promise<void> {
  const attached = verb === 'attach' ? { ...options, tty: unit.spec.tty ?? false } : options;
  let channels: RemoteChannels;
  try {
    channels = await openChannels(upgrade, attached);
  } catch (error) {
    if (error instanceof HttpError) throw error;
    // The protocol has been switched already: there is nobody to answer.
    deps.logger.debug('a client did not open its streams', { err: error });
    upgrade.socket.destroy();
    return;
  }
  if (verb === 'exec') await serveExec(unit, command, attached, channels, deps.runtime);
  else await serveAttach(unit, channels);
}

async function openChannels(upgrade: Upgrade, options: StreamOptions): Promise<RemoteChannels> {
  const { request } = upgrade;
  if (isWebSocket(request)) {
    const protocol = choose(request, CHANNEL_PROTOCOLS);
    if (protocol === undefined)
      throw new HttpError(400, 'none of the offered WebSocket subprotocols is supported');
    return webSocketChannels(await acceptWebSocket(upgrade, protocol), options, protocol);
  }
  const protocol = isSpdy(request) ? choose(request, SPDY_PROTOCOLS) : undefined;
  if (protocol === undefined) throw new HttpError(400, 'unable to upgrade: unsupported protocol');
  return spdyChannels(acceptSpdy(upgrade, protocol), options, protocol);
}

async function forwardPorts(upgrade: Upgrade, segments: string[], deps: UpgradeDeps): Promise<void> {
  const [namespace = '', name = '', uid] = segments;
  const worker = findPod(deps.manager, namespace, name, uid);
  const { sandbox } = worker.environment;
  if (sandbox === undefined) throw new HttpError(500, `pod "${name}_${namespace}" is not running`);
  const dial = (port: number) => deps.runtime.dial(sandbox, port);
  const pod = { name, uid: worker.uid };
  const { request } = upgrade;
  const channels = isWebSocket(request) && offeredProtocols(request).includes(PORT_FORWARD_CHANNELS);
  if (channels && choose(request, [PORT_FORWARD_TUNNEL]) === undefined) {
    const ports = forwardedPorts(new URL(request.url ?? '/', 'https://node').searchParams);
    const socket = await acceptWebSocket(upgrade, PORT_FORWARD_CHANNELS);
    return serveChannelForward(socket, ports, dial, pod);
  }
  await servePortForward(await portForwardConnection(upgrade), dial, pod, deps.logger);
}

async function portForwardConnection(upgrade: Upgrade): Promise<SpdyConnection> {
  const { request } = upgrade;
  if (isWebSocket(request)) {
    const protocol = choose(request, [PORT_FORWARD_TUNNEL]);
    if (protocol === undefined)
      throw new HttpError(400, 'none of the offered WebSocket subprotocols is supported');
    const webSocket = await acceptWebSocket(upgrade, protocol);
    const duplex = webSocketDuplex(webSocket);
    const connection = new SpdyConnection(duplex, Buffer.alloc(0));
    webSocket.resume();
    return connection;
  }
  const protocol = isSpdy(request) ? choose(request, [PORT_FORWARD_PROTOCOL]) : undefined;
  if (protocol === undefined) throw new HttpError(400, 'unable to upgrade: unsupported protocol');
  return acceptSpdy(upgrade, protocol);
}
