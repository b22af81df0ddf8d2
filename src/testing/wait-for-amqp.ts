import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const saslHeader = Buffer.from([0x41, 0x4d, 0x51, 0x50, 3, 1, 0, 0]);
const pollMs = 50;
const answerMs = 2000;

/** Whether something there greets as an AMQP 1.0 broker with SASL does. */
export function greetsAmqp(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(answerMs, () => {
      end(false);
    });
    socket.once('connect', () => socket.write(saslHeader));
    socket.once('data', (bytes) => {
      end(bytes.subarray(0, saslHeader.length).equals(saslHeader));
    });
    socket.once('error', () => {
      end(false);
    });
    socket.once('close', () => {
      end(false);
    });
  });
}

/** Resolves with true when it greets, with false when the time is over or `gaveUp` says that it never will. */
export async function waitForAmqp(host: string, port: number, deadlineMs: number, gaveUp: () => boolean): Promise<boolean> {
  const until = performance.now() + deadlineMs;
  while (performance.now() < until) {
    if (gaveUp()) return false;
    if (await greetsAmqp(host, port)) return true;
    await sleep(pollMs);
  }
  return false;
}
