import type { CelLibrary, Environment } from '../library.ts';

/** The parts of a URL that rules ask for, as Go's net/url takes them apart. */
class Url {
  readonly text: string;
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;

  constructor(text: string, [scheme, host, path, query]: readonly [string, string, string, string]) {
    this.text = text;
    this.scheme = scheme;
    this.host = host;
    this.path = path;
    this.query = query;
  }

  get hostname(): string {
    return this.host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
  }

  get port(): string {
    return /:(\d*)$/.exec(this.host)?.[1] ?? '';
  }

  equals(other: unknown): boolean {
    return other instanceof Url && other.text === this.text;
  }
}

/** URLs (apiserver pkg/cel/library/urls.go): absolute ones, and absolute paths, as url.ParseRequestURI wants them. */
export function registerUrls(environment: Environment, library: CelLibrary): void {
  environment.registerType('kubernetes.URL', Url);
  environment.registerOperator('kubernetes.URL == kubernetes.URL', (a: Url, b: Url) => a.equals(b));
  environment.registerFunction('isURL(string): bool', (text: string) => parseUrl(text) !== undefined);
  environment.registerFunction('url(string): kubernetes.URL', (text: string) => {
    const parsed = parseUrl(text);
    if (parsed === undefined) throw new library.EvaluationError(`URL parse error during conversion from string: parse "${text}": invalid URI for request`);
    return parsed;
  });
  environment.registerFunction('kubernetes.URL.getScheme(): string', (url: Url) => url.scheme);
  environment.registerFunction('kubernetes.URL.getHost(): string', (url: Url) => url.host);
  environment.registerFunction('kubernetes.URL.getHostname(): string', (url: Url) => url.hostname);
  environment.registerFunction('kubernetes.URL.getPort(): string', (url: Url) => url.port);
  environment.registerFunction('kubernetes.URL.getEscapedPath(): string', (url: Url) => escapedPath(url.path));
  environment.registerFunction('kubernetes.URL.getQuery(): map<string, list<string>>', (url: Url) => queryOf(url.query));
}

const URL_PARTS = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#.*)?$/;

function parseUrl(text: string): Url | undefined {
  const match = URL_PARTS.exec(text);
  // eslint-disable-next-line no-control-regex -- Go refuses control characters anywhere in a URL
  if (match === null || text === '' || /[\u0000-\u001f\u007f]/.test(text)) return undefined;
  const [, scheme = '', authority, path = '', query = ''] = match;
  const isRooted = path.startsWith('/');
  if (scheme === '' ? !isRooted : !isRooted && authority === undefined && path === '') return undefined;
  if (/%(?![0-9A-Fa-f]{2})/.test(path) || !isHost(hostOf(authority ?? ''))) return undefined;
  return new Url(text, [scheme.toLowerCase(), hostOf(authority ?? ''), path, query]);
}

/** Without the user. */
function hostOf(authority: string): string {
  return authority.slice(authority.lastIndexOf('@') + 1);
}

function isHost(host: string): boolean {
  return /^(?:\[[0-9A-Fa-f:.%]+\]|[^\s:[\]<>"\\^`{}|]*)(?::\d*)?$/.test(host);
}

function escapedPath(path: string): string {
  return path.replace(/[^A-Za-z0-9\-_.~!$&'()*+,/:;=@%[\]]/gu, (character) => encodeURIComponent(character));
}

function queryOf(query: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  for (const [key, value] of new URLSearchParams(query)) values.set(key, [...(values.get(key) ?? []), value]);
  return values;
}
