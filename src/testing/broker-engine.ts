/** What runs one broker: a Java process or a container. Each call ends when the change is visible from outside. */
export interface BrokerEngine {
  readonly amqpPort: number;
  readonly stompPort: number;
  /** Takes the protocol of the broker's own JMS client, among others. */
  readonly corePort: number;
  /** Rejects with the end of the broker's log when it does not come up. */
  start(): Promise<void>;
  /** As SIGTERM does: the broker closes its connections and its journal. */
  stop(): Promise<void>;
  /** As SIGKILL does. */
  kill(): Promise<void>;
  /** As SIGSTOP does: connections stay, and nobody answers. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Ends it and removes its data. */
  remove(): Promise<void>;
}

export const brokerUser = 'artemis';
export const brokerPassword = 'artemis';
export const brokerHost = '127.0.0.1';
/** From the start to the first AMQP greeting. */
export const startDeadlineMs = 60_000;
/** From SIGTERM to the end; after it the broker is killed, and `stop()` rejects. */
export const stopDeadlineMs = 20_000;
