import { InvalidArgumentError, Option } from 'commander';
import { isIP } from 'node:net';
import { OUTPUT_FORMATS } from './output/document.ts';
import type { OutputFormat } from './output/document.ts';

/** A whole number in a range, for options. */
export function wholeNumber(from: number, to: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < from || value > to) throw new InvalidArgumentError(`It must be a whole number from ${from} to ${to}.`);
    return value;
  };
}

export function outputOption(formats: readonly OutputFormat[] = OUTPUT_FORMATS): Option {
  return new Option('-o, --output <format>', 'how to print').choices([...formats]).default('table');
}

export function kubeconfigOption(): Option {
  return new Option('--kubeconfig <file>', 'cluster to talk to (default: $KUBECONFIG, else the one `vfleet up` wrote, else ~/.kube/config)');
}

/** An IP address, for options. */
export function address(text: string): string {
  if (isIP(text) === 0) throw new InvalidArgumentError('It must be an IP address.');
  return text;
}

/** Where a process shows its metrics and its health. */
export interface StatusOptions {
  readonly statusPort?: number;
  readonly statusAddress: string;
}

export const statusOptions = {
  port: () => new Option('--status-port <port>', 'where /metrics, /healthz and /readyz are served; 0 takes a free one (default: nowhere)').argParser(wholeNumber(0, 65_535)),
  address: () => new Option('--status-address <ip>', 'the address that they are served on').argParser(address).default('127.0.0.1'),
};
