/** The ports' real twins: what a composition root hands to the logic outside of simulation. */
export { RealClock } from './ports/real-clock.ts';
export { SystemRandom } from './ports/real-random.ts';
export { NodeFiles } from './ports/real-files.ts';
