export interface WorkerTask {
  readonly url: string;
  readonly event: string;
  readonly serverName?: string;
  /** A folder in which processes leave marks for each other. */
  readonly marks?: string;
  readonly listeners: readonly WorkerListener[];
  /** How long its listeners may take after SIGTERM. */
  readonly stopDeadlineMs?: number;
}

export interface WorkerListener {
  readonly name: string;
  readonly perProcess?: boolean;
  readonly concurrency?: number;
  /** Kills its process, as by SIGKILL, at the first delivery of every so-manieth event. */
  readonly dieAtEvery?: number;
  /** Fails every attempt before this one. */
  readonly failUntilAttempt?: number;
  /** How long each run takes. */
  readonly holdMs?: number;
}

export type WorkerNote =
  | { readonly kind: 'ready' }
  | { readonly kind: 'stopping' }
  | { readonly kind: 'begun' | 'handled'; readonly listener: string; readonly n: number; readonly attempt: number; readonly id: string };
