/**
 * The Kube port by a kubeconfig (client-go, tools/clientcmd/api/v1). Tokens, passwords and client certificates, which is what most of them
 * have, are read here; the rest is the client library's, see {@link LibraryAccess}.
 */
import { readFileSync } from 'node:fs';
import type * as https from 'node:https';
import { dirname, isAbsolute, join } from 'node:path';
import { readYamlDocuments } from '../yaml/documents.ts';
import type { AccessSource } from './access-source.ts';
import { Connection } from './connection.ts';
import { HttpKube } from './http-kube.ts';
import type { HttpKubeOptions } from './http-kube.ts';
import { LibraryAccess } from './library-access.ts';

/** A Kube over HTTP by the kubeconfig file at `path` and its current context, or the one named. Throws when the file cannot be read. */
export function kubeFromConfigFile(path: string, options: Partial<HttpKubeOptions> & { readonly context?: string } = {}): HttpKube {
  const { context, ...rest } = options;
  return new HttpKube(new Connection(accessOfKubeconfig(path, context)), rest);
}

/** Where and as whom, by the kubeconfig file at `path`. Throws when the file cannot be read, with a sentence for people. */
export function accessOfKubeconfig(path: string, context?: string): AccessSource {
  const config = parsed(path, readFileSync(path, 'utf8'));
  const chosen = context ?? text(config, 'current-context');
  const named = (list: string, part: string, name: string | undefined) => objects(config[list]).find((entry) => entry['name'] === name && name !== undefined)?.[part];
  const pair = object(named('contexts', 'context', chosen));
  const cluster = object(named('clusters', 'cluster', text(pair, 'cluster')));
  const user = object(named('users', 'user', text(pair, 'user')));
  const server = text(cluster, 'server');
  if (onlyHas(cluster, PLAIN_CLUSTER) && onlyHas(user, PLAIN_USER)) return new PlainAccess(server, cluster, user, dirname(path));
  return new LibraryAccess({ server, isStatic: user['exec'] === undefined && user['auth-provider'] === undefined, isProxied: cluster['proxy-url'] !== undefined }, async () => {
    const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
    const loaded = new KubeConfig();
    loaded.loadFromFile(path);
    if (context !== undefined) loaded.setCurrentContext(context);
    return loaded;
  });
}

/** Fields that are understood here. `extensions` are for other programs. */
const PLAIN_CLUSTER = ['server', 'certificate-authority', 'certificate-authority-data', 'insecure-skip-tls-verify', 'tls-server-name', 'extensions'];
const PLAIN_USER = ['token', 'username', 'password', 'client-certificate', 'client-certificate-data', 'client-key', 'client-key-data', 'extensions'];

type Fields = Readonly<Record<string, unknown>>;

/** Credentials that stand in the file, or in files beside it. */
class PlainAccess implements AccessSource {
  readonly server: string | undefined;
  readonly isStatic = true;
  readonly isProxied = false;
  readonly #cluster: Fields;
  readonly #user: Fields;
  readonly #folder: string;

  constructor(server: string | undefined, cluster: Fields, user: Fields, folder: string) {
    this.server = server;
    this.#cluster = cluster;
    this.#user = user;
    this.#folder = folder;
  }

  async apply(options: https.RequestOptions): Promise<void> {
    const [token, username] = [text(this.#user, 'token'), text(this.#user, 'username')];
    if (token !== undefined) options.headers = { Authorization: `Bearer ${token}` };
    if (username !== undefined) options.auth = `${username}:${text(this.#user, 'password') ?? ''}`;
    const servername = text(this.#cluster, 'tls-server-name');
    Object.assign(options, this.#material(this.#cluster, 'certificate-authority', 'ca'), this.#material(this.#user, 'client-certificate', 'cert'), this.#material(this.#user, 'client-key', 'key'));
    if (servername !== undefined) options.servername = servername;
    if (this.#cluster['insecure-skip-tls-verify'] === true) options.rejectUnauthorized = false;
  }

  /** As client-go: what stands in the kubeconfig goes before the file that it names. */
  #material(fields: Fields, name: string, option: 'ca' | 'cert' | 'key'): https.RequestOptions {
    const [data, file] = [text(fields, `${name}-data`), text(fields, name)];
    if (data !== undefined) return { [option]: Buffer.from(data, 'base64') };
    return file === undefined ? {} : { [option]: readFileSync(isAbsolute(file) ? file : join(this.#folder, file)) };
  }
}

function parsed(path: string, content: string): Fields {
  const documents = readYamlDocuments(content);
  if (!documents.ok) throw new Error(`${path} is no kubeconfig: line ${documents.error.line}, column ${documents.error.column}: ${documents.error.cause}`);
  const [first] = documents.value;
  if (typeof first !== 'object' || first === null || Array.isArray(first)) throw new Error(`${path} is no kubeconfig: it has no clusters and no users`);
  return first as Fields;
}

function object(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function objects(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(object) : [];
}

/** Undefined where there is none, or an empty one, which client-go takes as none. */
function text(fields: Fields, name: string): string | undefined {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function onlyHas(fields: Fields, understood: readonly string[]): boolean {
  return Object.entries(fields).every(([name, value]) => value === null || understood.includes(name));
}
