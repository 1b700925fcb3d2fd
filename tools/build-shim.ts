/**
 * Builds the native CNI executable where a C compiler is at hand: `node tools/build-shim.ts OUTPUT`. Without one it says so and ends with
 * status 3; the portable executable does the same work then.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const SOURCE = join(import.meta.dirname, '../packages/controllers/src/cni/shim/vfleet-cni.c');
/** musl makes the smaller executable. */
const COMPILERS = ['musl-gcc', 'gcc', 'clang', 'cc'];

export type ShimBuild = { readonly kind: 'built'; readonly compiler: string } | { readonly kind: 'noCompiler' } | { readonly kind: 'failed'; readonly output: string };

/** Compiles the executable to `output`, static, with warnings as errors. */
export function buildShim(output: string): ShimBuild {
  return compileStatic(output, SOURCE);
}

/** One source file to one executable that needs nothing beside it. */
export function compileStatic(output: string, source: string): ShimBuild {
  const compiler = findCompiler();
  if (compiler === undefined) return { kind: 'noCompiler' };
  const done = spawnSync(compiler, ['-std=gnu11', '-O2', '-static', '-s', '-Wall', '-Wextra', '-Werror', '-o', output, source], { encoding: 'utf8' });
  return done.status === 0 ? { kind: 'built', compiler } : { kind: 'failed', output: done.stdout + done.stderr };
}

/** The first that is here; undefined where there is none, or no Linux. */
export function findCompiler(): string | undefined {
  return process.platform === 'linux' ? COMPILERS.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0) : undefined;
}

if (import.meta.main) {
  const output = process.argv[2];
  if (output === undefined) {
    process.stderr.write('usage: node tools/build-shim.ts OUTPUT\n');
    process.exitCode = 2;
  } else {
    const built = buildShim(output);
    process.stderr.write(built.kind === 'built' ? `${output} (${built.compiler})\n` : built.kind === 'noCompiler' ? 'There is no C compiler here (tried musl-gcc, gcc, clang, cc): use the portable executable.\n' : built.output);
    process.exitCode = built.kind === 'built' ? 0 : built.kind === 'noCompiler' ? 3 : 1;
  }
}
