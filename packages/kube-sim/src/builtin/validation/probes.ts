import { portNameProblems } from '../../values/names.ts';
import type { Cursor } from './cursor.ts';

const HEADER_TEXT = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";

export function checkPortNumber(port: Cursor): void {
  port.between(1, 65_535);
}

/** A number, or the name of a container's port. */
export function checkPortNumberOrName(port: Cursor): void {
  if (typeof port.value === 'string') port.check(portNameProblems);
  else if (port.number === undefined || port.number < 1 || port.number > 65_535) port.invalid('must be between 1 and 65535, inclusive', port.number ?? 0);
}

type HandlerKind = 'exec' | 'httpGet' | 'tcpSocket' | 'grpc' | 'sleep';

const HANDLERS: Readonly<Record<HandlerKind, (handler: Cursor, gracePeriodSeconds: number | undefined) => void>> = {
  exec: (exec) => {
    if (exec.at('command').items.length === 0) exec.at('command').required();
  },
  httpGet: checkHttpGet,
  tcpSocket: (socket) => checkPortNumberOrName(socket.at('port')),
  grpc: (grpc) => checkPortNumberOrName(grpc.at('port')),
  sleep: (sleep, gracePeriodSeconds) => {
    const seconds = sleep.at('seconds').number ?? 0;
    if (gracePeriodSeconds !== undefined && (seconds < 0 || seconds > gracePeriodSeconds)) sleep.invalid(`must be non-negative and less than terminationGracePeriodSeconds (${gracePeriodSeconds})`, seconds);
  },
};

function checkHttpGet(http: Cursor): void {
  if (http.at('path').text === '') http.at('path').required();
  checkPortNumberOrName(http.at('port'));
  const scheme = http.at('scheme');
  if (!['HTTP', 'HTTPS'].includes(scheme.text)) scheme.notSupported(['HTTP', 'HTTPS'], scheme.text);
  for (const header of http.at('httpHeaders').items) {
    if (!/^[-A-Za-z0-9]+$/.test(header.at('name').text)) http.at('httpHeaders').invalid(HEADER_TEXT, header.at('name').text);
  }
}

/** Exactly one way of asking. */
function checkHandler(handler: Cursor, gracePeriodSeconds: number | undefined): void {
  const found = (Object.keys(HANDLERS) as HandlerKind[]).filter((kind) => handler.at(kind).isSet);
  found.forEach((kind, index) => {
    if (index > 0) handler.at(kind).forbidden('may not specify more than 1 handler type');
    else HANDLERS[kind](handler.at(kind), gracePeriodSeconds);
  });
  if (found.length === 0) handler.required('must specify a handler type');
}

export function checkLifecycle(lifecycle: Cursor, gracePeriodSeconds: number | undefined): void {
  for (const hook of ['postStart', 'preStop']) if (lifecycle.at(hook).isSet) checkHandler(lifecycle.at(hook), gracePeriodSeconds);
}

export function checkProbe(probe: Cursor, kind: 'liveness' | 'readiness' | 'startup', gracePeriodSeconds: number | undefined): void {
  if (!probe.isSet) return;
  checkHandler(probe, gracePeriodSeconds);
  for (const field of ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold']) probe.at(field).notNegative();
  const grace = probe.at('terminationGracePeriodSeconds');
  if (grace.number !== undefined && grace.number <= 0) grace.invalid('must be greater than 0');
  if (kind === 'readiness') {
    if (grace.isSet) grace.invalid('must not be set for readinessProbes');
  } else if (probe.at('successThreshold').number !== 1) probe.at('successThreshold').invalid('must be 1', probe.at('successThreshold').number ?? 0);
}
