import { lineAt } from './source.ts';
import type { SourceFile } from './source.ts';

export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly says: string;
}

/** Packages each package may import: the direction of ARCHITECTURE.md. Nothing imports upwards. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  'hw-linux': ['core'],
  'hw-sim': ['core'],
  kube: ['core'],
  'kube-sim': ['core', 'kube'],
  controllers: ['core', 'kube'],
  sim: ['core', 'hw-sim', 'kube', 'kube-sim', 'controllers'],
  cli: ['core', 'hw-linux', 'hw-sim', 'kube', 'kube-sim', 'controllers', 'sim'],
};

export function packageOf(path: string): string | undefined {
  return /^packages\/([^/]+)\/src\//.exec(path)?.[1];
}

/** Real twins of ports, edges, adapters and the executable: the places that may touch the world. */
export function mayTouchWorld(path: string): boolean {
  return (
    !path.startsWith('packages/') || !path.includes('/src/') || path.startsWith('packages/cli/') ||
    path.startsWith('packages/hw-linux/') || /\/(?:edge|adapters)\//.test(path) || /\/real-[a-z-]+\.ts$/.test(path)
  );
}

export function importDirections(files: readonly SourceFile[]): readonly Finding[] {
  return files.flatMap((file) => {
    const own = packageOf(file.path);
    if (own === undefined) return [];
    const allowed = MAY_IMPORT[own] ?? [];
    return file.imports.flatMap(({ specifier, line }) => {
      const other = /^@vfleet\/([^/]+)/.exec(specifier)?.[1];
      if (other !== undefined && other !== own && !allowed.includes(other)) return [{ path: file.path, line, says: `${own} may not import ${other}` }];
      if (other === own) return [{ path: file.path, line, says: 'import inside a package by relative path' }];
      if (specifier.startsWith('.') && leavesPackage(file.path, specifier)) return [{ path: file.path, line, says: `${specifier} leaves the package: import it by name` }];
      return [];
    });
  });
}

function leavesPackage(path: string, specifier: string): boolean {
  const folders = path.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') folders.pop();
    else if (part !== '.') folders.push(part);
  }
  return folders.slice(0, 2).join('/') !== path.split('/').slice(0, 2).join('/');
}

/** Logic never imports its edge: only another edge, a package's `serve`-like export file, or a composition root does. */
export function edgesFromOutside(files: readonly SourceFile[]): readonly Finding[] {
  return files.flatMap((file) =>
    packageOf(file.path) === undefined || file.path.startsWith('packages/cli/') || file.path.includes('/edge/')
      ? []
      : file.imports
          .filter(({ specifier }) => /(?:^|\/)edge\//.test(specifier))
          .map(({ specifier, line }) => ({ path: file.path, line, says: `logic imports its edge ${specifier}` })),
  );
}

const WORLD: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\b|\bnew Date\(\s*\)/g, 'the wall clock: take a Clock'],
  [/\bnew Date\(|\bDate\.parse\b/g, 'Date: use the RFC 3339 functions beside Clock'],
  [/\bperformance\b/g, 'performance: take a Clock'],
  [/\bMath\.random\b/g, 'Math.random: take a Random'],
  [/\b(?:setTimeout|setInterval|setImmediate)\s*\(/g, 'a timer: take a Clock'],
  [/\bAbortSignal\.timeout\b/g, 'AbortSignal.timeout: take a Clock'],
  [/(?<![.#\w])(?<!async )fetch\s*\(/g, 'fetch: take a port'],
  [/\bprocess\.(?:env|argv|pid|hrtime|nextTick|exit|cwd|std\w+)\b/g, 'process: composition roots read the environment'],
  [/\bconsole\./g, 'console: take a Log'],
  [/(?<![.\w])crypto\./g, 'crypto: take a Random'],
];

const WORLD_MODULES = /^(?:node:)?(?:fs|fs\/promises|net|tls|http|https|http2|dgram|child_process|crypto|worker_threads|os|dns|perf_hooks|timers|timers\/promises|process|cluster|sqlite)$/;

/** Files that implement the Clock's own formatting or drive simulated time. */
const TIME_ITSELF = new Set(['packages/core/src/ports/clock.ts', 'packages/core/src/ports/sim-clock.ts']);

export function worldInLogic(files: readonly SourceFile[]): readonly Finding[] {
  return files.flatMap((file) => {
    if (mayTouchWorld(file.path)) return [];
    const modules = file.imports
      .filter(({ specifier, typeOnly }) => !typeOnly && WORLD_MODULES.test(specifier))
      .map(({ specifier, line }) => ({ path: file.path, line, says: `${specifier}: take a port` }));
    if (TIME_ITSELF.has(file.path)) return modules;
    const uses = WORLD.flatMap(([pattern, says]) =>
      [...file.code.matchAll(pattern)].map((match) => ({ path: file.path, line: lineAt(file.code, match.index), says })),
    );
    return [...modules, ...uses];
  });
}

const SILENCERS = /@ts-(?:ignore|expect-error|nocheck)|\bas any\b|:\s*any\b|\b(?:it|test|describe)\.(?:only|todo)\b/g;

export function silencedChecks(files: readonly SourceFile[]): readonly Finding[] {
  return files
    // Type tests say what must not compile.
    .filter((file) => !file.path.startsWith('tools/tidy/') && !file.path.startsWith('test/packages/types/'))
    .flatMap((file) => {
      const text = file.path.endsWith('.d.ts') ? '' : file.code;
      const inCode = [...text.matchAll(SILENCERS)].map((match) => ({ path: file.path, line: lineAt(text, match.index), says: `"${match[0]}" silences a check` }));
      const inComments = [...file.text.matchAll(/\/\/\s*@ts-(?:ignore|expect-error|nocheck)/g)].map((match) => ({
        path: file.path, line: lineAt(file.text, match.index), says: `"${match[0]}" silences a check`,
      }));
      return [...inCode, ...inComments];
    });
}

/**
 * `let` at the top level of a module, or a collection made there that code changes, is state two daemons would share. A WeakMap is
 * let pass: keyed by values that never change, it is a memo nobody can observe.
 */
export function moduleState(files: readonly SourceFile[]): readonly Finding[] {
  return files.flatMap((file) =>
    packageOf(file.path) === undefined
      ? []
      : [...file.code.matchAll(/^(?:export )?(?:let|var) |^(?:export )?const (\w+)(?:: (?!Readonly)[^=\n]*)? = new (?:Map|Set|WeakSet)\b(?!<[^>]*>\(\[|\(\[|\()/gm)].map((match) => ({
          path: file.path, line: lineAt(file.code, match.index), says: 'mutable state of a module: give it to an object',
        })),
  );
}

export function exportsDocumented(files: readonly SourceFile[]): readonly Finding[] {
  return files
    .filter((file) => /^packages\/core\/src\/(?:ports|domain)\//.test(file.path))
    .flatMap((file) =>
      [...file.text.matchAll(/^export (?:abstract )?(?:class|interface|function) (\w+)/gm)]
        .filter((match) => !/\*\/\s*$/.test(file.text.slice(0, match.index)) && match[0].includes('class'))
        .map((match) => ({ path: file.path, line: lineAt(file.text, match.index), says: `${match[1]} has no docstring` })),
    );
}
