import net, { type AddressInfo, type Server, type Socket } from 'node:net';
import { waitUntil } from '../../src/testing/wait-until.js';

export const connected = 'CONNECTED\nversion:1.2\nserver:ActiveMQ-Artemis/0\nheart-beat:0,0\n\n\0';

/** One connection to the peer. The frames it was sent must hold no NUL in their bodies. */
export class StompTalk {
  readonly socket: Socket;
  readonly frames: string[] = [];
  /** Beats of the other side's heart. */
  beats = 0;
  #rest = '';

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      const parts = (this.#rest + chunk.toString()).split('\0');
      this.#rest = parts.pop() ?? '';
      for (const part of parts) this.frames.push(this.#withoutBeats(part));
      this.#rest = this.#withoutBeats(this.#rest);
    });
  }

  get closed(): boolean {
    return this.socket.closed;
  }

  write(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** The next frame of this command, and what its header says. */
  async frame(command: string): Promise<(header: string) => string> {
    const index = await waitUntil(
      () => {
        const at = this.frames.findIndex((text) => text.startsWith(`${command}\n`));
        return at < 0 ? undefined : { at };
      },
      { what: command },
    );
    const [text = ''] = this.frames.splice(index?.at ?? 0, 1);
    return (header) => new RegExp(`^${header}:(.*)$`, 'm').exec(text)?.[1] ?? '';
  }

  /** Answers whatever asks for a receipt, from now on. */
  answer(): void {
    this.socket.on('data', () => {
      for (const text of this.frames.splice(0)) {
        const receipt = /^receipt:(.*)$/m.exec(text)?.[1];
        if (receipt !== undefined) this.write(`RECEIPT\nreceipt-id:${receipt}\n\n\0`);
      }
    });
  }

  #withoutBeats(text: string): string {
    const frame = text.replace(/^\n+/, '');
    this.beats += text.length - frame.length;
    return frame;
  }
}

/** Speaks STOMP as each test's script says, and nothing else. */
export class ScriptedStompPeer implements AsyncDisposable {
  readonly talks: StompTalk[] = [];
  readonly #server: Server;

  static async start(script: (talk: StompTalk) => void = () => undefined): Promise<ScriptedStompPeer> {
    const peer = new ScriptedStompPeer(script);
    await new Promise<void>((resolve) => peer.#server.listen(0, '127.0.0.1', resolve));
    return peer;
  }

  private constructor(script: (talk: StompTalk) => void) {
    this.#server = net.createServer((socket) => {
      const talk = new StompTalk(socket);
      this.talks.push(talk);
      script(talk);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const { socket } of this.talks) socket.destroy();
    await closed;
  }
}
