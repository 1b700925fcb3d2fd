import { MalformedMessage } from './attributes.ts';
import { NLM, decodeMessages, encodeMessage, endingOf } from './message.ts';

/** One netlink socket. Calls answer at once or within the socket's own receive timeout; errors are errno numbers. */
export interface NetlinkSocket {
  send(bytes: Uint8Array): { readonly errno: number };
  receive(): { readonly errno: number } | { readonly bytes: Uint8Array };
}

export interface NetlinkRequest {
  readonly type: number;
  /** Beyond NLM_F_REQUEST and what `dump` needs. */
  readonly flags?: number;
  readonly payload: Uint8Array;
  /** Many answers up to NLMSG_DONE; else the answers up to the acknowledgement. */
  readonly dump?: boolean;
}

/** Why there is no answer: the errno, and the kernel's own words where it gave some. */
export interface NetlinkFailure {
  readonly errno: number;
  readonly says?: string;
}

export type NetlinkAnswer = { readonly ok: true; readonly payloads: readonly Uint8Array[] } | { readonly ok: false; readonly failure: NetlinkFailure };

const EINTR = 4;
const EAGAIN = 11;
const EPROTO = 71;
const ENOBUFS = 105;
const ETIMEDOUT = 110;
/** A table that changes all the time gives no consistent dump; after so many tries it is the caller's turn. */
const DUMP_TRIES_MAX = 16;
/** A kernel that sends without end is broken; memory is not given away for it. */
const PAYLOADS_MAX = 1_000_000;

interface Attempt {
  readonly answer?: NetlinkAnswer;
  /** The answer is torn: ask again. */
  readonly again?: number;
}

/**
 * Asks and collects the answer on one socket: messages of earlier requests are passed over by their sequence number, dumps that a change
 * of the kernel's tables tore are asked again, as are those for which the socket's buffer was too small.
 */
export class NetlinkExchange {
  readonly #socket: NetlinkSocket;
  #sequence: number;

  constructor(socket: NetlinkSocket, firstSequence = 1) {
    this.#socket = socket;
    this.#sequence = firstSequence;
  }

  ask(request: NetlinkRequest): NetlinkAnswer {
    let errno = EINTR;
    for (let attempt = 0; attempt < DUMP_TRIES_MAX; attempt++) {
      const { answer, again } = this.#attempt(request);
      if (answer !== undefined) return answer;
      errno = again!;
    }
    return { ok: false, failure: { errno } };
  }

  #attempt(request: NetlinkRequest): Attempt {
    const sequence = this.#sequence;
    this.#sequence = sequence === 0xffff_ffff ? 1 : sequence + 1;
    const flags = NLM.request | (request.flags ?? 0) | (request.dump === true ? NLM.dump : NLM.ack);
    const bytes = encodeMessage({ type: request.type, flags, sequence, port: 0, payload: request.payload });
    for (;;) {
      const sent = this.#socket.send(bytes);
      if (sent.errno === 0) break;
      if (sent.errno !== EINTR) return failed(sent.errno);
    }
    try {
      return this.#collect(sequence, request.dump === true);
    } catch (error) {
      if (error instanceof MalformedMessage) return failed(EPROTO, error.message);
      throw error;
    }
  }

  #collect(sequence: number, isDump: boolean): Attempt {
    const payloads: Uint8Array[] = [];
    let torn = false;
    for (;;) {
      const received = this.#socket.receive();
      if ('errno' in received) {
        if (received.errno === EINTR) continue;
        if (received.errno === EAGAIN) return failed(ETIMEDOUT);
        // What was lost may be the acknowledgement: a change is not made twice, a look is.
        return received.errno === ENOBUFS && isDump ? { again: ENOBUFS } : failed(received.errno);
      }
      for (const message of decodeMessages(received.bytes)) {
        if (message.sequence !== sequence) continue;
        if ((message.flags & NLM.dumpInterrupted) !== 0) torn = true;
        const ending = endingOf(message);
        if (ending.kind === 'overrun') return isDump ? { again: ENOBUFS } : failed(ENOBUFS);
        if (ending.kind === 'error') return ending.errno === EINTR && isDump ? { again: EINTR } : failed(ending.errno, ending.says);
        if (ending.kind === 'done') return torn ? { again: EINTR } : { answer: { ok: true, payloads } };
        if (payloads.length >= PAYLOADS_MAX) return failed(EPROTO, 'the answer has no end');
        payloads.push(message.payload.slice());
      }
    }
  }
}

function failed(errno: number, says?: string): Attempt {
  return { answer: { ok: false, failure: { errno, ...(says === undefined ? {} : { says }) } } };
}
