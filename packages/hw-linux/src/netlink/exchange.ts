import { MalformedMessage } from './attributes.ts';
import { MessageRoom, NLM, decodeMessages, endingOf, isAcknowledgement } from './message.ts';

/** What came of a receive: a datagram, whose bytes are the caller's until the next receive, or an errno. */
export type Received = { readonly errno: number } | { readonly bytes: Uint8Array };

/** One netlink socket. Calls answer at once or within the socket's own receive timeout; errors are errno numbers. */
export interface NetlinkSocket {
  send(bytes: Uint8Array): { readonly errno: number };
  receive(): Received;
}

/** The same where the kernel may work on another thread than the caller's. */
export interface AwaitedNetlinkSocket {
  /** The bytes are the caller's again when this is over. */
  send(bytes: Uint8Array, isDump: boolean): { readonly errno: number } | Promise<{ readonly errno: number }>;
  /** In a dump the kernel goes on with its table within this call; else what it has to say is there when the question is sent. */
  receive(isDump: boolean): Received | Promise<Received>;
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

/** `again`: the answer is torn, ask again; the errno is what to tell who has asked often enough. */
type Attempt = { readonly answer: NetlinkAnswer } | { readonly again: number };

/**
 * Asks and collects the answer on one socket: messages of earlier requests are passed over by their sequence number, dumps that a change
 * of the kernel's tables tore are asked again, as are those for which the socket's buffer was too small.
 */
export class NetlinkExchange {
  readonly #socket: NetlinkSocket;
  readonly #sequence: Sequence;
  readonly #room = new MessageRoom();

  constructor(socket: NetlinkSocket, firstSequence = 1) {
    this.#socket = socket;
    this.#sequence = new Sequence(firstSequence);
  }

  ask(request: NetlinkRequest): NetlinkAnswer {
    let errno = EINTR;
    for (let tries = 0; tries < DUMP_TRIES_MAX; tries++) {
      const question = new Question(request, this.#sequence.next(), this.#room);
      let sent = this.#socket.send(question.bytes);
      while (sent.errno === EINTR) sent = this.#socket.send(question.bytes);
      let attempt = sent.errno === 0 ? undefined : failed(sent.errno);
      while (attempt === undefined) attempt = question.take(this.#socket.receive());
      if ('answer' in attempt) return attempt.answer;
      errno = attempt.again;
    }
    return { ok: false, failure: { errno } };
  }
}

/** The same on a socket that is awaited. One request at a time. */
export class AwaitedNetlinkExchange {
  readonly #socket: AwaitedNetlinkSocket;
  readonly #sequence = new Sequence(1);
  readonly #room = new MessageRoom();

  constructor(socket: AwaitedNetlinkSocket) {
    this.#socket = socket;
  }

  async ask(request: NetlinkRequest): Promise<NetlinkAnswer> {
    let errno = EINTR;
    for (let tries = 0; tries < DUMP_TRIES_MAX; tries++) {
      const question = new Question(request, this.#sequence.next(), this.#room);
      let sent = this.#socket.send(question.bytes, question.isDump);
      // What is there already is not waited for: a turn of the event loop costs more than to read it.
      if ('then' in sent) sent = await sent;
      while (sent.errno === EINTR) sent = await this.#socket.send(question.bytes, question.isDump);
      let attempt = sent.errno === 0 ? undefined : failed(sent.errno);
      while (attempt === undefined) {
        const received = this.#socket.receive(question.isDump);
        attempt = question.take('then' in received ? await received : received);
      }
      if ('answer' in attempt) return attempt.answer;
      errno = attempt.again;
    }
    return { ok: false, failure: { errno } };
  }
}

/** Numbers of questions; 0 is the kernel's own. */
class Sequence {
  #next: number;

  constructor(first: number) {
    this.#next = first;
  }

  next(): number {
    const sequence = this.#next;
    this.#next = sequence === 0xffff_ffff ? 1 : sequence + 1;
    return sequence;
  }
}

/** One question on its way, and what of its answer has come. */
class Question {
  readonly bytes: Uint8Array;
  readonly isDump: boolean;
  readonly #sequence: number;
  readonly #payloads: Uint8Array[] = [];
  #torn = false;

  constructor(request: NetlinkRequest, sequence: number, room: MessageRoom) {
    this.isDump = request.dump === true;
    this.#sequence = sequence;
    const flags = NLM.request | (request.flags ?? 0) | (this.isDump ? NLM.dump : NLM.ack);
    this.bytes = room.put({ type: request.type, flags, sequence, port: 0, payload: request.payload });
  }

  /** Undefined while more is to come. */
  take(received: Received): Attempt | undefined {
    if ('bytes' in received) {
      try {
        return this.#read(received.bytes);
      } catch (error) {
        if (error instanceof MalformedMessage) return failed(EPROTO, error.message);
        throw error;
      }
    }
    if (received.errno === EINTR) return undefined;
    if (received.errno === EAGAIN) return failed(ETIMEDOUT);
    // What was lost may be the acknowledgement: a change is not made twice, a look is.
    return received.errno === ENOBUFS && this.isDump ? { again: ENOBUFS } : failed(received.errno);
  }

  #read(datagram: Uint8Array): Attempt | undefined {
    if (this.#payloads.length === 0 && !this.isDump && isAcknowledgement(datagram, this.#sequence)) return CARRIED_OUT;
    for (const message of decodeMessages(datagram)) {
      if (message.sequence !== this.#sequence) continue;
      if ((message.flags & NLM.dumpInterrupted) !== 0) this.#torn = true;
      const ending = endingOf(message);
      if (ending.kind === 'overrun') return this.isDump ? { again: ENOBUFS } : failed(ENOBUFS);
      if (ending.kind === 'error') return ending.errno === EINTR && this.isDump ? { again: EINTR } : failed(ending.errno, ending.says);
      if (ending.kind === 'done') return this.#torn ? { again: EINTR } : { answer: { ok: true, payloads: this.#payloads } };
      if (this.#payloads.length >= PAYLOADS_MAX) return failed(EPROTO, 'the answer has no end');
      this.#payloads.push(message.payload.slice());
    }
    return undefined;
  }
}

/** What a change is answered with that the kernel took. */
const CARRIED_OUT: Attempt = { answer: { ok: true, payloads: [] } };

function failed(errno: number, says?: string): Attempt {
  return { answer: { ok: false, failure: { errno, ...(says === undefined ? {} : { says }) } } };
}
