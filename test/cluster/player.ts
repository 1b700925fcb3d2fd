import { isJsonObject } from '@vfleet/core';
import type { JsonValue } from '@vfleet/core';
import type { Case, EventsStep, Request, RequestStep, Step, Theme, WatchStep } from './case.ts';
import type { AnswerStream, ApiClient, RawAnswer } from './client.ts';
import { canonical } from './compare.ts';
import { Normaliser } from './normalise.ts';
import { valueAt } from './paths.ts';

/** What one server showed in one step, normalised: `status`, `header <name>`, `body`, `events`, or the paths that count. */
export interface Shown {
  readonly [part: string]: JsonValue;
}

/** A server that cases are played on. */
export interface Target {
  readonly client: ApiClient;
  compact(): Promise<void>;
  /** The admission webhook, under the URL that is for this server. */
  readonly webhook?: { readonly url: string; readonly caBundle: string; take(namespace: string): readonly JsonValue[] };
}

export interface PlayedStep {
  /** From 1, and what it does. */
  readonly step: string;
  readonly shown: Shown;
}

const comparedHeaders = ['content-type', 'warning', 'retry-after'] as const;
const pollMs = 25;
const untilTimeoutMs = 60_000;
const eventTimeoutMs = 30_000;
/** How long an event that nobody expects may take to show itself. */
const settleMs = 40;

/** The name of a case's namespace and, for what has none, of its objects. At most 56 characters, the same on all servers. */
export function caseId(theme: string, name: string, attempt = 1): string {
  const slug = `${theme}-${attempt === 1 ? '' : `try${attempt}-`}${name}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
  return slug.length <= 56 ? slug : `${slug.slice(0, 48).replace(/-$/, '')}-${checksum(slug)}`;
}

function checksum(text: string): string {
  let sum = 7;
  for (const character of text) sum = (Math.imul(sum, 31) + character.charCodeAt(0)) >>> 0;
  return sum.toString(36);
}

/** Does a theme's preparations on a server. Throws when one fails. */
export async function setUp(target: Target, theme: Theme): Promise<void> {
  const side = new Side(target, theme.name);
  for (const step of theme.setup ?? []) await side.mustSucceed(step);
}

/** Plays a case on one server. A step that cannot be done (a kept value is not there) is shown too, and ends it. */
export async function playCase(target: Target, theme: Theme, one: Case, attempt = 1): Promise<readonly PlayedStep[]> {
  const side = new Side(target, caseId(theme.name, one.name, attempt), one.causesInAnyOrder);
  const played: PlayedStep[] = [];
  const steps: readonly Step[] = [...one.steps, ...[...watchNames(one)].map((name): EventsStep => ({ events: name, count: 0 }))];
  let at = '0 namespace';
  try {
    await side.begin(one);
    for (const [index, step] of steps.entries()) {
      at = `${index + 1} ${describeStep(step)}`;
      const { failed, shown } = await side.perform(step);
      played.push({ step: at, shown });
      if (failed) break;
    }
  } catch (error) {
    played.push({ step: at, shown: { 'cannot be done': side.normal(error instanceof Error ? error.message : String(error)) } });
  } finally {
    side.end();
  }
  return played;
}

function watchNames(one: Case): ReadonlySet<string> {
  return new Set(one.steps.flatMap((step) => ('watch' in step ? [step.watch] : [])));
}

function describeStep(step: Step): string {
  if ('watch' in step) return `watch ${step.path}`;
  if ('events' in step) return step.count === 0 ? `no further events of ${step.events}` : `events of ${step.events}`;
  if ('compact' in step) return 'compact';
  if ('reviews' in step) return 'what the webhook was asked';
  if ('pauseMs' in step) return `pause ${step.pauseMs} ms`;
  return `${step.method} ${step.path}`;
}

/** Ends the case where it failed. */
interface Performed {
  readonly failed: boolean;
  readonly shown: Shown;
}

/** One server within one case: what was kept, which watches are open. */
class Side {
  readonly #target: Target;
  readonly #client: ApiClient;
  readonly #causesInAnyOrder: boolean;
  readonly #normaliser: Normaliser;
  readonly #kept = new Map<string, JsonValue>();
  readonly #watches = new Map<string, { readonly stream: AnswerStream; taken: number }>();

  constructor(target: Target, id: string, causesInAnyOrder = false) {
    this.#target = target;
    this.#client = target.client;
    this.#causesInAnyOrder = causesInAnyOrder;
    this.#normaliser = new Normaliser(target.client.access.url);
    this.#kept.set('ns', id).set('id', id);
    const { webhook } = target;
    if (webhook === undefined) return;
    this.#kept.set('webhook', webhook.url).set('webhookCa', webhook.caBundle);
    this.#normaliser.learnText(webhook.url, '<webhook>');
    this.#normaliser.learnText(webhook.caBundle, '<certificate>');
  }

  normal(text: string): string {
    return this.#normaliser.text(text);
  }

  async begin(one: Case): Promise<void> {
    await this.mustSucceed({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: '{{ns}}' } } });
    if (one.needs?.includes('serviceAccount') === true) {
      await this.mustSucceed({ method: 'POST', path: '/api/v1/namespaces/{{ns}}/serviceaccounts', body: { metadata: { name: 'default' } } }, [409]);
    }
  }

  end(): void {
    for (const { stream } of this.#watches.values()) stream.close();
  }

  async mustSucceed(step: RequestStep, orStatus: readonly number[] = []): Promise<void> {
    const answer = await this.#request(step);
    if (answer.status >= 300 && !orStatus.includes(answer.status)) throw new Error(`${step.method} ${step.path} answered ${answer.status}: ${answer.text.slice(0, 2_000)}`);
  }

  async perform(step: Step): Promise<Performed> {
    if ('pauseMs' in step) {
      await delay(step.pauseMs);
      return { failed: false, shown: {} };
    }
    if ('compact' in step) {
      await this.#target.compact();
      return { failed: false, shown: {} };
    }
    if ('reviews' in step) {
      const asked = this.#target.webhook?.take(String(this.#keptValue('ns'))) ?? [];
      return { failed: false, shown: step.prepares === true ? {} : { reviews: asked.map((review) => this.#normaliser.value(review)) } };
    }
    if ('watch' in step) return this.#watch(step);
    if ('events' in step) return this.#events(step);
    const answer = await this.#request(step);
    const body = parseBody(answer);
    this.#keep(step, answer, body);
    if (step.prepares === true) {
      const failed = answer.status >= 300 && step.toleratesFailure !== true;
      return { failed, shown: failed ? { 'preparation failed': answer.status, message: valueAt(body, 'message') ?? '' } : {} };
    }
    return { failed: false, shown: this.#shown(step, answer, body) };
  }

  async #request(step: RequestStep): Promise<RawAnswer> {
    const request = this.#raw(step);
    const deadlineMs = Date.now() + untilTimeoutMs;
    for (;;) {
      const answer = await this.#client.send(request);
      const { until } = step;
      const isAnswer = until === undefined ? !isStarting(answer) : isThere(answer, 'path' in until ? { ...until, path: this.#fill(until.path) } : until);
      if (isAnswer || Date.now() > deadlineMs) return answer;
      await delay(pollMs);
    }
  }

  #raw(step: Request): { method: string; path: string; headers: Record<string, string>; body?: string } {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(step.query ?? {})) {
      for (const one of typeof value === 'string' ? [value] : value) query.append(name, this.#fill(one));
    }
    const search = query.toString();
    const body = this.#body(step);
    const headers = Object.fromEntries(Object.entries(step.headers ?? {}).map(([name, value]) => [name, this.#fill(value)]));
    return {
      method: step.method,
      path: `${this.#fill(step.path)}${search === '' ? '' : `?${search}`}`,
      headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body }),
    };
  }

  #body(step: Request): string | undefined {
    if (step.text !== undefined) return this.#fill(step.text);
    const given = step.body === undefined ? undefined : this.#fillAll(step.body);
    if (step.from === undefined) return given === undefined ? undefined : JSON.stringify(given);
    const base = this.#kept.get(step.from) ?? (step.orElse === undefined ? this.#keptValue(step.from) : this.#fillAll(step.orElse));
    return JSON.stringify(mergeOver(base, given ?? {}));
  }

  #fillAll(value: JsonValue): JsonValue {
    if (typeof value === 'string') return this.#fill(value);
    if (Array.isArray(value)) return value.map((item: JsonValue) => this.#fillAll(item));
    if (!isJsonObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [this.#fill(name), this.#fillAll(inner)]));
  }

  #fill(text: string): string {
    return text.replaceAll(/\{\{(\w+)(?:\|([^}]*))?\}\}/g, (_whole, name: string, otherwise: string | undefined) => {
      const value = otherwise === undefined ? this.#keptValue(name) : (this.#kept.get(name) ?? otherwise);
      return typeof value === 'string' ? value : JSON.stringify(value);
    });
  }

  #keptValue(name: string): JsonValue {
    const value = this.#kept.get(name);
    if (value === undefined) throw new Error(`No step has kept ${name}.`);
    return value;
  }

  #keep(step: RequestStep, answer: RawAnswer, body: JsonValue | undefined): void {
    const prefix = valueAt(step.body, 'metadata.generateName');
    if (typeof prefix === 'string') this.#normaliser.learnGeneratedNames(prefix);
    if (answer.status >= 300) return;
    for (const [variable, path] of Object.entries(step.keep ?? {})) {
      const value = valueAt(body, path);
      if (value === undefined) continue;
      this.#kept.set(variable, value);
      if (typeof value === 'string' && step.prepares !== true && path === 'metadata.resourceVersion' && valueAt(body, 'metadata.name') === undefined) this.#normaliser.learnVersion(value, variable);
    }
  }

  #shown(step: RequestStep, answer: RawAnswer, body: JsonValue | undefined): { [part: string]: JsonValue } {
    const shown: { [part: string]: JsonValue } = { status: answer.status };
    for (const name of [...comparedHeaders, ...(step.alsoHeaders ?? [])]) {
      const value = answer.headers[name];
      if (value !== undefined) shown[`header ${name}`] = this.#normaliser.value(value);
    }
    const whole = body === undefined ? this.#normaliser.text(answer.text) : this.#normaliser.value(body);
    const normal = this.#causesInAnyOrder ? withSortedCauses(whole) : whole;
    const ordered = (step.unordered ?? []).reduce((value, path) => inOrder(value, path), normal);
    if (step.only === undefined || answer.status >= 300) shown['body'] = ordered;
    else for (const path of step.only) shown[path] = valueAt(ordered, this.#fill(path)) ?? 'nothing there';
    return shown;
  }

  async #watch(step: WatchStep): Promise<Performed> {
    const stream = await this.#openStream(step);
    const shown: { [part: string]: JsonValue } = { status: stream.status, 'header content-type': stream.headers['content-type'] ?? 'none' };
    this.#watches.set(step.watch, { stream, taken: 0 });
    if (stream.status === 200) return { failed: false, shown };
    await stream.wait(Number.POSITIVE_INFINITY, eventTimeoutMs);
    const text = stream.lines.join('\n');
    return { failed: false, shown: { ...shown, body: this.#normaliser.value(parseJsonOr(text)) } };
  }

  async #openStream(step: WatchStep): Promise<AnswerStream> {
    const deadlineMs = Date.now() + untilTimeoutMs;
    for (;;) {
      const stream = await this.#client.stream(this.#raw({ method: 'GET', ...step }));
      if (stream.status !== 429 || Date.now() > deadlineMs) return stream;
      await stream.wait(Number.POSITIVE_INFINITY, eventTimeoutMs);
      if (!isStarting({ status: stream.status, text: stream.lines.join('\n') })) return stream;
      await delay(pollMs);
    }
  }

  async #events(step: EventsStep): Promise<Performed> {
    const open = this.#watches.get(step.events);
    if (open === undefined) throw new Error(`No watch is called ${step.events}.`);
    const { stream } = open;
    if (stream.status !== 200) return { failed: false, shown: {} };
    const end = await endOfEvents(stream, open.taken, step.count);
    const lines = stream.lines.slice(open.taken, end);
    open.taken = end;
    const counted = step.count === 'all' ? lines : lines.filter((line) => !isPlainBookmark(line));
    const seen = withoutRepeatedBookmarks(counted.map((line) => this.#normaliser.value(parseJsonOr(line))));
    return { failed: false, shown: { events: seen, ...(step.count === 'all' ? { ended: stream.ended } : {}) } };
  }
}

/** Waits for the events that are asked for, and says how many lines of the stream that makes. */
async function endOfEvents(stream: AnswerStream, taken: number, count: EventsStep['count']): Promise<number> {
  if (count === 'all') {
    await stream.wait(Number.POSITIVE_INFINITY, 3 * eventTimeoutMs);
    return stream.lines.length;
  }
  if (count === 0) {
    // Nothing is expected; what comes all the same is shown.
    await delay(settleMs);
    return stream.lines.length;
  }
  const deadlineMs = Date.now() + eventTimeoutMs;
  let wanted = typeof count === 'number' ? count : Number.POSITIVE_INFINITY;
  let end = taken;
  while (wanted > 0) {
    await stream.wait(end + 1, Math.max(0, deadlineMs - Date.now()));
    const line = stream.lines[end];
    if (line === undefined) break;
    end += 1;
    if (!isPlainBookmark(line)) wanted -= 1;
    if (typeof count === 'object' && valueAt(parseJsonOr(line), 'object.metadata.name') === count.untilName) break;
  }
  return end;
}

/** A bookmark that a server sends from time to time, and not the one that ends a streaming list. */
function isPlainBookmark(line: string): boolean {
  return line.startsWith('{"type":"BOOKMARK"') && !line.includes('k8s.io/initial-events-end');
}

/** `null` waits for what is not there any more. */
function isThere(answer: RawAnswer, until: NonNullable<RequestStep['until']>): boolean {
  return 'status' in until ? answer.status === until.status : canonical(valueAt(parseBody(answer), until.path) ?? null) === canonical(until.is);
}

/**
 * The real server asks its clients to come again while the watch cache of a definition that has just changed is filled
 * (ResilientWatchCacheInitialization, KEP-4568): how long that takes is its own affair, and how long it takes us is nothing.
 */
function isStarting(answer: Pick<RawAnswer, 'status' | 'text'>): boolean {
  return answer.status === 429 && answer.text.includes('storage is (re)initializing');
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function parseBody(answer: RawAnswer): JsonValue | undefined {
  if (!/json/.test(String(answer.headers['content-type'] ?? ''))) return undefined;
  const parsed = parseJsonOr(answer.text);
  return typeof parsed === 'string' ? undefined : parsed;
}

function parseJsonOr(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}

/** How many bookmarks a server sends in a row is its own affair. */
function withoutRepeatedBookmarks(seen: readonly JsonValue[]): readonly JsonValue[] {
  return seen.filter((event, index) => valueAt(event, 'type') !== 'BOOKMARK' || canonical(event) !== canonical(seen[index - 1]));
}

/** A Status whose causes are sorted, and left out of its message. */
function withSortedCauses(body: JsonValue): JsonValue {
  const causes = valueAt(body, 'details.causes');
  const message = valueAt(body, 'message');
  if (!Array.isArray(causes) || typeof message !== 'string') return body;
  const said = causes.map((cause: JsonValue) => `${String(valueAt(cause, 'field'))}: ${String(valueAt(cause, 'message'))}`);
  const rest = said.reduce((text, one) => text.replace(one, '<cause>'), message);
  const sorted = causes.toSorted((a: JsonValue, b: JsonValue) => (canonical(a) < canonical(b) ? -1 : 1));
  return replaceValue(replaceValue(body, causes, sorted), message, rest);
}

/** RFC 7386. */
function mergeOver(target: JsonValue, changes: JsonValue): JsonValue {
  if (!isJsonObject(changes)) return changes;
  const merged: Record<string, JsonValue> = isJsonObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete merged[name];
    else merged[name] = mergeOver(merged[name] ?? null, value);
  }
  return merged;
}

/** The array at `path`, sorted. */
function inOrder(value: JsonValue, path: string): JsonValue {
  const found = valueAt(value, path);
  if (!Array.isArray(found)) return value;
  const sorted = found.toSorted((a: JsonValue, b: JsonValue) => (canonical(a) < canonical(b) ? -1 : 1));
  return replaceValue(value, found, sorted);
}

function replaceValue(value: JsonValue, old: JsonValue, next: JsonValue): JsonValue {
  if (value === old) return next;
  if (Array.isArray(value)) return value.map((item: JsonValue) => replaceValue(item, old, next));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, replaceValue(inner, old, next)]));
}

