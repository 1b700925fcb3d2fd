/**
 * `npm run fuzz` throws mutated requests at an embedded API server (served-api.ts), `npm run fuzz -- netlink` mutated answers of a kernel
 * at the Linux backend (kernel/main.ts), `npm run fuzz -- admission` random objects at webhooks and operator (admission/main.ts). Each takes
 * options of its own.
 */
const USAGE = `npm run fuzz -- [--requests 100000] [--connections 16] [--seed TEXT] [--only INDEX]
    mutated requests at an embedded API server over TLS
npm run fuzz -- netlink [--cases 100000] [--seed TEXT] [--only INDEX]
    mutated netlink answers, sysfs files and devlink replies at the Linux backend
npm run fuzz -- admission [--cases 100000] [--seed TEXT] [--only INDEX]
    random objects, reviews, annotations and ConfigMaps at the webhooks and the operator
The same seed draws the same cases; --only prints one of them. Status 1: a mistake was found, 2: this help was needed.`;
const TARGETS: Readonly<Record<string, string>> = { netlink: './kernel/main.ts', admission: './admission/main.ts' };
const NUMBERS: ReadonlySet<string> = new Set(['--requests', '--cases', '--connections', '--only']);

const words = process.argv.slice(2);
if (words.includes('--help') || words.includes('-h')) {
  process.stdout.write(`${USAGE}\n`);
  process.exit(0);
}
const wrong = words.findIndex((word, index) => NUMBERS.has(word) && !/^\d{1,9}$/.test(words[index + 1] ?? ''));
if (wrong >= 0) stop(`${words[wrong]} needs a whole number`);
const named = words[0] ?? '';
const target = Object.hasOwn(TARGETS, named) ? TARGETS[named] : undefined;
if (target !== undefined) process.argv.splice(2, 1);
try {
  await import(target ?? './served-api.ts');
} catch (error) {
  if (!(error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_'))) throw error;
  stop(error.message);
}

function stop(sentence: string): never {
  process.stderr.write(`${sentence}\n\n${USAGE}\n`);
  process.exit(2);
}
