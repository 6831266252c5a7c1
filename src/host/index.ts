/** The only place that starts programs. */

export * from './conntrack.js';
export * from './dummy-device.js';
export * from './foreground.js';
export * from './ipset.js';
export * from './iptables.js';
export * from './ipvsadm.js';
export * from './nft.js';
export * from './nft-session.js';
export * from './programs.js';
export * from './sandbox.js';
export * from './spawn-client.js';
