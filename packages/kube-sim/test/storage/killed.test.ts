// Goal: kill -9 at any moment loses nothing that was acknowledged over the wire, shows nobody what is lost, and watches resume.
// Method: a served API server in a process of its own, killed twenty times at drawn moments while writers create, patch and delete over
// HTTPS and a watcher follows; after each start the objects are compared with what was acknowledged and seen.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { SeededRandom } from '@vfleet/core';

const KILLS = 20;
const WRITERS = 8;
const PATH = '/api/v1/namespaces/default/configmaps';

interface Access {
  readonly url: string;
  readonly ca: string;
  readonly token: string;
}

async function startChild(folder: string): Promise<{ readonly child: ChildProcess; readonly access: Access }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'serving-child.ts'), join(folder, 'data'), folder, '0'], {
    stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compile-cache') },
  });
  const ended = once(child, 'exit').then(([status]) => Promise.reject(new Error(`the server ended with status ${status} before it served`)));
  const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended])) as [string];
  ended.catch(() => undefined);
  return { child, access: JSON.parse(line) as Access };
}

interface Answer {
  readonly code: number;
  readonly body: { readonly metadata: { readonly name: string; readonly resourceVersion: string }; readonly data?: { readonly count: string }; readonly items?: readonly Answer['body'][] };
}

/** Undefined when no answer came: nobody knows then what became of the request. */
function call({ url, ca, token }: Access, agent: Agent, method: string, path: string, body?: object): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const outgoing = request(`${url}${path}`, { method, agent, ca: Buffer.from(ca, 'base64'), headers: { authorization: `Bearer ${token}`, 'content-type': type } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('error', () => resolve(undefined));
      response.on('end', () => resolve({ code: response.statusCode!, body: JSON.parse(text) as Answer['body'] }));
    });
    outgoing.on('error', () => resolve(undefined));
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** What clients know of one object: its counter as acknowledged last, and as asked for last; undefined: not there. */
interface Known {
  acknowledged: number | undefined;
  asked: number | undefined;
  /** resourceVersion of the last acknowledgement. */
  version: number;
}

/** Creates, counts up and deletes its own objects, one request after the other, until the server is gone. */
async function writeUntilGone(access: Access, random: SeededRandom, names: readonly string[], known: Map<string, Known>, acknowledged: () => void): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let writes = 0; ; writes++) {
    const name = names[random.integer(names.length)]!;
    const state = known.get(name)!;
    const deletes = state.acknowledged !== undefined && random.integer(5) === 0;
    state.asked = deletes ? undefined : (state.acknowledged ?? 0) + 1;
    const data = { count: String(state.asked) };
    const answer = deletes ? await call(access, agent, 'DELETE', `${PATH}/${name}`)
      : state.acknowledged === undefined ? await call(access, agent, 'POST', PATH, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data })
        : await call(access, agent, 'PATCH', `${PATH}/${name}`, { data });
    if (answer === undefined) {
      agent.destroy();
      return writes;
    }
    expect(answer.code, JSON.stringify(answer.body)).toBeLessThan(300);
    state.acknowledged = state.asked;
    acknowledged();
    if (!deletes) state.version = Number(answer.body.metadata.resourceVersion);
  }
}

interface Seen {
  readonly type: string;
  readonly name: string;
  readonly version: number;
}

/** Follows from a version until the server is gone; answers what came. */
function watchUntilGone({ url, ca, token }: Access, fromVersion: number): Promise<readonly Seen[]> {
  return new Promise((resolve) => {
    const seen: Seen[] = [];
    const outgoing = request(`${url}${PATH}?watch=true&resourceVersion=${fromVersion}`, { ca: Buffer.from(ca, 'base64'), agent: false, headers: { authorization: `Bearer ${token}` } }, (response) => {
      let rest = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        // What is cut off by the kill has no end of line.
        rest = lines.pop()!;
        for (const line of lines) {
          const { type, object } = JSON.parse(line) as { readonly type: string; readonly object: { readonly metadata: { readonly name: string; readonly resourceVersion: string } } };
          seen.push({ type, name: object.metadata.name, version: Number(object.metadata.resourceVersion) });
        }
      });
      response.on('error', () => resolve(seen));
    });
    outgoing.on('error', () => resolve(seen));
    outgoing.end();
  });
}

// Twenty-one processes start, one after the other.
test(`everything acknowledged is there after ${KILLS} kills`, { timeout: 1_200_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vfleet-killed-'));
  const random = new SeededRandom(process.env['VFLEET_SEED'] ?? 'killed');
  const groups = Array.from({ length: WRITERS }, (_, writer) => Array.from({ length: 4 }, (_unused, index) => `w${writer}-${index}`));
  const known = new Map(groups.flat().map((name) => [name, { acknowledged: undefined, asked: undefined, version: 0 } as Known]));
  const live = new Map<string, number>();
  let watched = 1;
  let writes = 0;
  try {
    for (let kill = 0; kill <= KILLS; kill++) {
      const { child, access } = await startChild(folder);
      const list = await call(access, new Agent(), 'GET', PATH);
      const found = new Map(list!.body.items!.map(({ metadata, data }) => [metadata.name, { count: Number(data?.count), version: Number(metadata.resourceVersion) }]));
      const newest = Number(list!.body.metadata.resourceVersion);
      expect(newest, 'the version that a watcher had seen').toBeGreaterThanOrEqual(watched);
      for (const [name, state] of known) {
        const count = found.get(name)?.count;
        // What was asked for last may have happened or not, nothing else.
        expect([state.acknowledged, state.asked], `${name} after kill ${kill}`).toContain(count);
        state.acknowledged = count;
      }
      for (const [name, version] of live) if (found.get(name) !== undefined) expect(found.get(name)!.version).toBeGreaterThanOrEqual(version);
      const watching = watchUntilGone(access, watched);
      const exited = once(child, 'exit');
      let left = 1 + random.integer(120);
      // After so many answers, while the next writes are under way, however fast the machine is.
      const writing = groups.map((names) => writeUntilGone(access, random, names, known, () => {
        if (--left === 0) setTimeout(() => child.kill('SIGKILL'), random.integer(4));
      }));
      await exited;
      writes += (await Promise.all(writing)).reduce((sum, count) => sum + count, 0);
      for (const { type, name, version } of await watching) {
        expect(version, 'events come in order and once, over kills too').toBeGreaterThan(watched);
        watched = version;
        if (type === 'DELETED') live.delete(name);
        else live.set(name, version);
      }
    }
    expect(writes).toBeGreaterThan(KILLS * 10);
    process.stderr.write(`${writes} writes acknowledged over ${KILLS + 1} lives\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
