/** What a transport tells a connection. */
export interface DatagramReceiver {
  /** A datagram arrived. The bytes must not change afterwards. */
  datagram(bytes: Uint8Array): void;
  /** Nothing more will arrive: the transport ended, or failed with `error`. */
  ended(error?: unknown): void;
}

/** Carries datagrams to one peer and back. They may be lost, doubled and overtake each other. */
export interface DatagramTransport {
  /** Sends one datagram, or loses it. Must not throw; `bytes` may be kept. */
  send(bytes: Uint8Array): void;
  /** Called once, when the connection begins to use the transport. */
  start(receiver: DatagramReceiver): void;
  /** Called once, when the connection needs the transport no more. What lies below stays open. */
  stop?(): void;
  /** The largest datagram that it carries, in bytes, if it knows. */
  readonly maxDatagramSize?: number | undefined;
  /** Where the datagrams go, if there is an address. */
  readonly remote?: { readonly address: string; readonly port: number } | undefined;
}
