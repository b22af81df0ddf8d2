/** What a process of the suite is told at its start. */
export interface MemberOrder {
  /** The URL of the module with `createProvider()`. */
  readonly module: string;
  readonly serviceName: string;
  readonly listeners: readonly MemberListener[];
}

export interface MemberListener {
  readonly event: string;
  readonly name: string;
  readonly perProcess?: boolean;
  /** The number of an event that kills the process inside the listener. */
  readonly lethal?: number;
  /** How long each call takes. */
  readonly takesMs?: number;
}

export interface MemberCall {
  readonly listener: string;
  readonly n: number;
}

/** What it says. */
export type MemberWord = 'ready' | MemberCall;
