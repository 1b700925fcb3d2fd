/**
 * `vfleet host apply -y` that kills itself with SIGKILL at its n-th hardware step, before or after it is made:
 * `apply-and-die.ts STEP before|after POLICY STATE_FOLDER`. Step 0 never comes.
 */
import { hostCommand } from '@vfleet/cli/verbs/host/command.ts';
import { realHostTools } from '@vfleet/cli/verbs/host/real-host-tools.ts';

const [step, when, policy, stateFolder] = process.argv.slice(2) as [string, string, string, string];
const context = { environment: {}, terminal: { out: () => {}, err: (text: string) => void process.stderr.write(text), colours: false } };
let left = Number(step);

function die(): Promise<never> {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => {});
}

const command = hostCommand(context, (status) => (process.exitCode = status), async () => {
  const tools = realHostTools();
  const { hardware } = tools;
  return {
    ...tools,
    hardware: {
      discover: () => hardware.discover(),
      watch: (listener) => hardware.watch(listener),
      async apply(wanted) {
        const isLast = --left === 0;
        if (isLast && when === 'before') return die();
        const result = await hardware.apply(wanted);
        return isLast ? die() : result;
      },
    },
  };
});
await command.parseAsync(['apply', '-y', '-f', policy, '--state-folder', stateFolder], { from: 'user' });
