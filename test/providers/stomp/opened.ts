import { systemClock } from '../../../src/core/clock.js';
import type { Endpoint } from '../../../src/providers/network/endpoints.js';
import { PeerFault } from '../../../src/providers/network/peer-fault.js';
import { sendFrame } from '../../../src/providers/stomp/frame-writer.js';
import { StompConnection, type StompConnectOptions } from '../../../src/providers/stomp/stompjs-driver.js';

export interface Opened {
  readonly connection: StompConnection;
  /** Everything `onLost` was told. */
  readonly losses: PeerFault[];
}

export interface Opening extends Partial<Omit<StompConnectOptions, 'endpoint'>> {
  readonly endpoint: Pick<Endpoint, 'port'> & Partial<Endpoint>;
  readonly signal?: AbortSignal;
}

/** A connection to this machine, with what it told of its loss. */
export async function opened({ endpoint, signal = new AbortController().signal, ...options }: Opening): Promise<Opened> {
  const losses: PeerFault[] = [];
  const connection = await StompConnection.open(
    {
      endpoint: { host: '127.0.0.1', secure: false, credentials: undefined, ...endpoint },
      tls: {},
      clientId: 'tests/driver',
      heartbeatMs: 10_000,
      connectTimeoutMs: 10_000,
      clock: systemClock,
      ...options,
    },
    signal,
    (fault) => losses.push(fault),
  );
  return { connection, losses };
}

/** What the work failed with, which must be a fault. */
export async function faultOfWork(work: Promise<unknown>): Promise<PeerFault> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof PeerFault) return error;
  throw new Error('it should have failed with a fault', { cause: error });
}

/** Everything that an error may show, to look for secrets in. */
export function everything(error: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) parts.push(String(at.stack), JSON.stringify(at));
  return parts.join('\n');
}

let sends = 0;

/** Resolves with the receipt's id. */
export function sent(
  connection: StompConnection,
  destination: string,
  body: string | Uint8Array,
  more: Readonly<Record<string, string>> = {},
): { readonly id: string; readonly done: Promise<void> } {
  const id = `${connection.receiptPrefix}${String(++sends)}`;
  const headers = Object.entries({ destination, 'destination-type': 'MULTICAST', receipt: id, ...more });
  const done = new Promise<void>((resolve) => {
    connection.send(sendFrame(headers, body), id, { receipted: resolve });
  });
  return { id, done };
}
