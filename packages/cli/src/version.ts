import manifest from '../package.json' with { type: 'json' };

export const VFLEET_VERSION: string = manifest.version;
