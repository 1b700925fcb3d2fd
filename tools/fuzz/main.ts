/**
 * `npm run fuzz` throws mutated requests at an embedded API server (served-api.ts), `npm run fuzz -- netlink` mutated answers of a kernel
 * at the Linux backend (kernel/main.ts), `npm run fuzz -- admission` random objects at webhooks and operator (admission/main.ts). Each takes
 * options of its own.
 */
const TARGETS: Readonly<Record<string, string>> = { netlink: './kernel/main.ts', admission: './admission/main.ts' };
const named = process.argv[2] ?? '';
const target = Object.hasOwn(TARGETS, named) ? TARGETS[named] : undefined;
if (target !== undefined) process.argv.splice(2, 1);
await import(target ?? './served-api.ts');
