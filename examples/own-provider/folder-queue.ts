import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WireMessage } from 'tidings';

let last = 0;
let counter = 0;

/** Names stand in the order of their times, then of the calls: the order of the queue is that of its file names. */
function newName(at: number): string {
  // A clock may be set back; what waits for its time must not take the others with it.
  const time = at > Date.now() ? at : (last = Math.max(last, at));
  return `${String(time).padStart(15, '0')}-${String(++counter).padStart(12, '0')}-${String(process.pid)}`;
}

/** Whatever a name holds, it is one folder, and none of the file system's own. */
const folderOf = (name: string): string => `_${encodeURIComponent(name)}`;

/**
 * One queue: a folder with a file for each message. A message is taken by renaming its file, which succeeds for one of all who try. The
 * new name says the process, so that others find what a dead one has left.
 */
export class FolderQueue {
  readonly #waiting: string;
  readonly #held: string;
  readonly #root: string;

  constructor(root: string, address: string, queue: string) {
    const folder = join(root, folderOf(address), folderOf(queue));
    this.#root = root;
    this.#waiting = join(folder, 'waiting');
    this.#held = join(folder, 'held');
  }

  /** All queues of an address. */
  static of(root: string, address: string): FolderQueue[] {
    const queues = entries(join(root, folderOf(address)));
    return queues.map((queue) => new FolderQueue(root, address, decodeURIComponent(queue.slice(1))));
  }

  make(): void {
    for (const folder of [this.#waiting, this.#held]) mkdirSync(folder, { recursive: true });
  }

  /** It is there as a whole, or not at all. `at`: not to be taken before. */
  put(message: WireMessage, at: number): void {
    const name = newName(at);
    const draft = join(this.#root, `draft-${name}`);
    writeFileSync(draft, encoded(message));
    renameSync(draft, join(this.#waiting, name));
  }

  /** The names of what may be taken now, oldest first. */
  due(now: number): string[] {
    const names = entries(this.#waiting).sort();
    return names.filter((name) => Number(name.split('-')[0]) <= now);
  }

  /** Undefined when somebody else was faster. */
  take(name: string): WireMessage | undefined {
    try {
      renameSync(join(this.#waiting, name), this.#mine(name));
    } catch {
      return undefined;
    }
    return decoded(readFileSync(this.#mine(name), 'utf8'));
  }

  remove(name: string): void {
    rmSync(this.#mine(name));
  }

  /** To the place where it was. */
  giveBack(name: string): void {
    renameSync(this.#mine(name), join(this.#waiting, name));
  }

  /** What was held by processes that are gone waits again. */
  rescue(): void {
    for (const file of entries(this.#held)) {
      const [name = '', pid] = file.split('@');
      if (!isAlive(Number(pid))) attempt(() => renameSync(join(this.#held, file), join(this.#waiting, name)));
    }
  }

  #mine(name: string): string {
    return join(this.#held, `${name}@${String(process.pid)}`);
  }
}

function encoded({ body, headers, ...rest }: WireMessage): string {
  const parts = typeof body === 'string' ? { text: body } : { bytes: Buffer.from(body).toString('base64') };
  return JSON.stringify({ ...rest, ...parts, headers: [...headers] });
}

function decoded(file: string): WireMessage {
  const { text, bytes, headers, ...rest } = JSON.parse(file) as Omit<WireMessage, 'body' | 'headers'> & {
    text?: string;
    bytes?: string;
    headers: [string, string][];
  };
  return { ...rest, body: text ?? Uint8Array.from(Buffer.from(bytes ?? '', 'base64')), headers: new Map(headers) };
}

function entries(folder: string): string[] {
  return attempt(() => readdirSync(folder)) ?? [];
}

function isAlive(pid: number): boolean {
  return attempt(() => process.kill(pid, 0)) ?? false;
}

/** What others may have moved or removed a moment ago. */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
