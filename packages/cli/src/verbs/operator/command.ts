import { Command, InvalidArgumentError, Option } from 'commander';
import { createSecureContext } from 'node:tls';
import type { CliContext } from '../../context.ts';
import { address, kubeconfigOption, statusOptions, wholeNumber } from '../../options.ts';
import type { StatusOptions } from '../../options.ts';

export interface OperatorOptions extends StatusOptions {
  readonly kubeconfig?: string;
  readonly namespace: string;
  readonly resourcePrefix: string;
  readonly leaderElect: boolean;
  readonly installCrds?: boolean;
  readonly webhooks: boolean;
  readonly webhookPort: number;
  readonly webhookAddress?: string;
  readonly webhookCertificates: 'own' | 'provided';
  readonly webhookTlsMinVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly webhookTlsCiphers?: string;
  readonly webhookClientCa?: string;
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error';
}

export function operatorCommand(context: CliContext, finish: (status: number) => void): Command {
  return new Command('operator')
    .summary('run the operator and its admission webhooks')
    .description('Runs the operator (policies to node states, networks to NetworkAttachmentDefinitions, device-plugin configuration, drains) and its admission webhooks (rules of the custom resources, the network resources injector) until it is told to end. In a pod it uses the service account; elsewhere the kubeconfig. Logs are JSON lines on standard error.')
    .addOption(kubeconfigOption())
    .option('--namespace <name>', 'where policies, pools, node states and the configuration live', 'sriov-network-operator')
    .option('--resource-prefix <prefix>', 'prefix of the resources that VFs are advertised as', 'openshift.io')
    .option('--no-leader-elect', 'work at once: this is the only operator of the cluster')
    .option('--install-crds', 'create or update the custom resource definitions first, and the namespace')
    .option('--no-webhooks', 'no admission')
    .option('--webhook-port <port>', 'where the webhooks listen', wholeNumber(0, 65_535), 9443)
    .option('--webhook-address <ip>', 'outside of the cluster: the address of this host under which the API server reaches the webhooks; in the cluster they are behind their Services', address)
    .addOption(new Option('--webhook-certificates <whose>', 'own: issued and renewed here; provided: somebody else, as cert-manager does, keeps them in the Secret operator-webhook-service').choices(['own', 'provided']).default('own'))
    .addOption(new Option('--webhook-tls-min-version <version>', 'oldest TLS that the webhooks speak').choices(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2'))
    .option('--webhook-tls-ciphers <names>', 'what the webhooks may encrypt with, as OpenSSL names it, separated by colons (default: what Node.js takes)', ciphers)
    .option('--webhook-client-ca <file>', 'answer only API servers that show a certificate of these authorities (PEM); followed when it changes')
    .addOption(statusOptions.port())
    .addOption(statusOptions.address())
    .addOption(new Option('--log-level <level>', 'what is logged (default: what the logLevel of the SriovOperatorConfig asks for, and info until that is known)').choices(['debug', 'info', 'warn', 'error']))
    .addHelpText('after', '\nExamples:\n  vfleet operator --install-crds --webhook-address 127.0.0.1     beside a cluster on this machine\n  vfleet operator --no-webhooks --no-leader-elect\n')
    .action(async (options: OperatorOptions) => {
      const { operator } = await import('./operator.ts');
      finish(await operator(options, context));
    });
}

function ciphers(names: string): string {
  try {
    createSecureContext({ ciphers: names });
  } catch {
    throw new InvalidArgumentError('It must be names of ciphers as `openssl ciphers` prints them, separated by colons.');
  }
  return names;
}
