import type { Judgement } from './oracle.ts';

/** Judged by the run, after all is as wanted: API objects, hardware, files and hosts count as written to; leases and times do not. */
export const silence: Judgement = { name: 'silence', property: 'When everything is as wanted, nobody writes anything but heartbeats.' };
