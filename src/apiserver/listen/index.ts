export { MAX_BODY_BYTES } from './http-request.js';
export { createInProcessTransport, type InProcessRequest, type RequestHandler } from './in-process.js';
export { Listener, type ListenerOptions, type TlsOptions } from './listener.js';
