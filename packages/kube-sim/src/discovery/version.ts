import { published } from '../schemas/published.ts';

/** /version: this server speaks for the release that its schemas come from, and says in the build metadata what it is. */
export function versionInfo(): object {
  const [major, minor] = published.version.split('.');
  return {
    major, minor, emulationMajor: major, emulationMinor: minor, minCompatibilityMajor: major, minCompatibilityMinor: String(Number(minor) - 1),
    gitVersion: `v${published.version}+vfleet`, gitCommit: '', gitTreeState: 'clean', buildDate: '1970-01-01T00:00:00Z', goVersion: '', compiler: 'vfleet', platform: 'linux/amd64',
  };
}
