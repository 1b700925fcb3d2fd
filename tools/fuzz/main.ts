/**
 * `npm run fuzz` throws mutated requests at an embedded API server (served-api.ts), `npm run fuzz -- netlink` mutated answers of a kernel
 * at the Linux backend (kernel/main.ts). Each takes options of its own.
 */
const isKernel = process.argv[2] === 'netlink';
if (isKernel) process.argv.splice(2, 1);
await import(isKernel ? './kernel/main.ts' : './served-api.ts');
