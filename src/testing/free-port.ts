import { createServer } from 'node:net';

// Below the range the system takes the ports of outgoing connections from: a port that is closed for a while (a broker that
// restarts) is not lost to one, and no client that tries it meanwhile can connect to itself.
const lowestPort = 10_000;
const highestPort = 32_000;
const tries = 200;

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

/** Ports of 127.0.0.1 that nobody listens on, all different. Nothing keeps them free: whoever listens on one may be too late. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  for (let left = tries; left > 0 && found.size < count; left--) {
    const port = lowestPort + Math.floor(Math.random() * (highestPort - lowestPort));
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  if (found.size < count)
    throw new Error(`no ${String(count)} free ports between ${String(lowestPort)} and ${String(highestPort)} of 127.0.0.1`);
  return [...found];
}
