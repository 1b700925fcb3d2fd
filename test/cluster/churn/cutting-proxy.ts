import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** Passes connections on to a server, and breaks them when told to: in the middle of whatever is under way. */
export interface CuttingProxy extends AsyncDisposable {
  readonly port: number;
  /** Breaks that share of the connections. Returns how many. */
  cut(share: number): number;
  /** Until it is called with false, whoever connects is cut off at once, and so is everybody now. */
  refuse(refusing: boolean): void;
  /** Reads nothing more from the server for a while, so that what it sends piles up. */
  stall(forMs: number): void;
}

/** A client's connection and the one to the server that belongs to it. */
class Pair {
  readonly client: Socket;
  readonly server: Socket;
  #stalls = 0;
  #isFull = false;

  constructor(client: Socket, server: Socket) {
    this.client = client;
    this.server = server;
    client.pipe(server);
    server.on('data', (chunk: Buffer) => {
      this.#isFull = !client.write(chunk);
      this.#flow();
    });
    client.on('drain', () => {
      this.#isFull = false;
      this.#flow();
    });
  }

  stall(forMs: number): void {
    this.#stalls++;
    this.#flow();
    const timer = setTimeout(() => {
      this.#stalls--;
      this.#flow();
    }, forMs);
    this.server.once('close', () => clearTimeout(timer));
  }

  /** Lets the server's words through, or not. */
  #flow(): void {
    if (this.#isFull || this.#stalls > 0) this.server.pause();
    else this.server.resume();
  }

  /** Not resetAndDestroy: Node 24 then sometimes never finds its way out of the process's end. */
  end(): void {
    this.client.destroy();
    this.server.destroy();
  }
}

export async function startCuttingProxy(targetPort: number): Promise<CuttingProxy> {
  const pairs = new Set<Pair>();
  let refusing = false;
  const listener = createServer((client) => {
    if (refusing) return void client.destroy();
    const pair = new Pair(client, connect(targetPort, '127.0.0.1'));
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      pair.end();
    };
    for (const socket of [pair.client, pair.server]) socket.setNoDelay(true).on('error', end).on('close', end);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const cut = (share: number) => {
    const chosen = [...pairs].filter(() => Math.random() < share);
    for (const pair of chosen) pair.end();
    return chosen.length;
  };
  return {
    port: (listener.address() as AddressInfo).port,
    cut,
    refuse: (now) => {
      refusing = now;
      if (now) cut(1);
    },
    stall: (forMs) => {
      for (const pair of pairs) pair.stall(forMs);
    },
    [Symbol.asyncDispose]: async () => {
      refusing = true;
      const closed = once(listener, 'close');
      listener.close();
      cut(1);
      await closed;
    },
  };
}
