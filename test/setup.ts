/**
 * Before every test file: properties are drawn from one seed, so that a green commit stays green; `VFLEET_SEED=random npm test`, or a
 * number, looks elsewhere. A failure prints the seed and the path that repeat it.
 */
import fc from 'fast-check';

const DEFAULT_SEED = 20_261_120;
const wanted = process.env['VFLEET_SEED'];
if (wanted !== 'random') fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: wanted === undefined ? DEFAULT_SEED : Number(wanted) });
