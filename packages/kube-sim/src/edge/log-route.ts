import { parseRfc3339 } from '@vfleet/core';
import { invalid } from '../errors/field-error.ts';
import type { FieldError } from '../errors/field-error.ts';
import { badRequestError, invalidError, StatusError } from '../errors/status.ts';
import type { ContainerInside } from '../inside/container-inside.ts';
import { logText } from '../inside/log.ts';
import type { LogOptions } from '../inside/log.ts';
import type { Core, ObjectTarget } from '../registry/core.ts';
import type { Exchange } from './exchange.ts';
import { booleanOption, integerOption } from './options.ts';
import { podContainerOf, waitingReason } from './pod-container.ts';
import type { PodContainer } from './pod-container.ts';

/** How often a followed log looks whether its container still runs. Nothing is printed after the start. */
const FOLLOW_LOOK_MS = 500;

const TEXT = 'text/plain';

/** GET pods/NAME/log. */
export function serveLog(core: Core, exchange: Exchange, target: ObjectTarget): void {
  const { query } = exchange;
  const options = logOptions(core, exchange);
  const container = podContainerOf(core, target, query.get('container') ?? '');
  // A pod without a node has printed nothing, and that is an answer.
  if (container.nodeName === '') return exchange.text(204, '', undefined);
  const inside = container.inside();
  if (booleanOption(query, 'previous') === true) return servePrevious(exchange, container, inside, options);
  if (inside === undefined) throw badRequestError(`container "${container.name}" in pod "${target.name}" is waiting to start: ${waitingReason(container.pod, container.name)}`);
  const text = logText(inside, inside.run.startedAtMs, options);
  if (booleanOption(query, 'follow') === true && inside.run.finishedAtMs === undefined) follow(core, exchange, container, inside, text);
  else exchange.text(200, text, TEXT);
}

function servePrevious(exchange: Exchange, { name, pod }: PodContainer, inside: ContainerInside | undefined, options: LogOptions): void {
  if (inside?.previous === undefined) throw badRequestError(`previous terminated container "${name}" in pod "${pod.metadata.name}" not found`);
  exchange.text(200, logText(inside, inside.previous.startedAtMs, options), TEXT);
}

/** Stays open until the container has ended or the client goes. */
function follow(core: Core, exchange: Exchange, container: PodContainer, { run }: ContainerInside, text: string): void {
  const { response } = exchange;
  exchange.limits.streams.enter(response);
  exchange.startStream(TEXT);
  if (text !== '') response.write(text);
  const look = () => {
    const now = container.inside()?.run;
    if (now?.id !== run.id || now.finishedAtMs !== undefined) response.end();
    else timer = core.clock.setTimer(FOLLOW_LOOK_MS, look);
  };
  let timer = core.clock.setTimer(FOLLOW_LOOK_MS, look);
  response.once('close', () => timer.cancel());
}

function logOptions(core: Core, { query }: Exchange): LogOptions {
  const errors: FieldError[] = [];
  const atLeast = (name: string, least: number): number | undefined => {
    const value = integerOption(query, name);
    if (value !== undefined && value < least) errors.push(invalid(name, value, least === 0 ? 'must be greater than or equal to 0' : 'must be greater than 0'));
    return value;
  };
  const tailLines = atLeast('tailLines', 0);
  const limitBytes = atLeast('limitBytes', 1);
  const sinceSeconds = atLeast('sinceSeconds', 1);
  const sinceTime = query.get('sinceTime') ?? '';
  if (sinceTime !== '' && sinceSeconds !== undefined) errors.push({ reason: 'FieldValueForbidden', field: '', body: 'Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified' });
  if (errors.length > 0) throw invalidError({ group: '', kind: 'PodLogOptions' }, '', errors);
  const sinceTimeMs = sinceTime === '' ? undefined : parseRfc3339(sinceTime);
  if (sinceTime !== '' && sinceTimeMs === undefined) throw new StatusError('BadRequest', 400, `parsing time "${sinceTime}" as "2006-01-02T15:04:05Z07:00": cannot parse "${sinceTime}" as "2006"`);
  const sinceMs = sinceSeconds === undefined ? sinceTimeMs : core.clock.now() - sinceSeconds * 1000;
  return {
    timestamps: booleanOption(query, 'timestamps') === true,
    ...(tailLines !== undefined && { tailLines }), ...(limitBytes !== undefined && { limitBytes }), ...(sinceMs !== undefined && { sinceMs }),
  };
}
