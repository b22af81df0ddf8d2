import net from 'node:net';
import tls from 'node:tls';
import { PeerFault } from './peer-fault.js';

export interface SocketOptions {
  readonly host: string;
  readonly port: number;
  /** Given: the connection is encrypted. */
  readonly tls: tls.ConnectionOptions | undefined;
}

/**
 * So much is handed to the socket before it says that it wants no more. Node's 16 KiB are one large message: with each, whoever writes would
 * wait for a turn of its own.
 */
const writableHighWaterMark = 256 * 1024;

/** A socket on its way; `connected` is called when it can be written to. */
export function openSocket(options: SocketOptions, connected: () => void): net.Socket {
  const socket =
    options.tls === undefined
      ? net.connect({ host: options.host, port: options.port, writableHighWaterMark } as net.NetConnectOpts)
      : tls.connect(tlsOptions(options, options.tls));
  socket.setNoDelay(true);
  gatherWrites(socket);
  socket.once(options.tls === undefined ? 'connect' : 'secureConnect', connected);
  return socket;
}

function tlsOptions(options: SocketOptions, given: tls.ConnectionOptions): tls.ConnectionOptions {
  const named = net.isIP(options.host) === 0 ? { servername: options.host } : {};
  return { ...named, ...given, host: options.host, port: options.port };
}

/** rhea writes frame by frame; several in one tick become one system call. */
function gatherWrites(socket: net.Socket): void {
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  let written = 0;
  const release = (): void => {
    if (written > 1) socket.uncork();
    written = 0;
  };
  socket.write = (...args: unknown[]): boolean => {
    written++;
    if (written === 1) process.nextTick(release);
    else if (written === 2) socket.cork();
    return write(...args);
  };
}

/** Tells a certificate that was refused, by either side, from a network that failed. */
export function socketFault(socket: net.Socket, error: NodeJS.ErrnoException): PeerFault {
  const code = error.code ?? '';
  const verdict: unknown = socket instanceof tls.TLSSocket ? socket.authorizationError : undefined;
  // It stands there too when certificates are not asked for, and is then no reason of anything.
  const refusedByUs = verdict !== undefined && verdict !== null && (verdict === error || verdict === code || verdict === error.message);
  const refusedByPeer = /^ERR_SSL_.*(CERTIFICATE|UNKNOWN_CA)/.test(code);
  if (refusedByUs || refusedByPeer) return new PeerFault('tls:certificate', `${code === '' ? '' : `${code}: `}${error.message}`);
  return new PeerFault(code === '' ? 'socket' : code, error.message);
}
