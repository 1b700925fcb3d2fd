import { SERVING_SECRET } from '../admission/certificates/keeper.ts';
import { servingNames } from '../admission/certificates/serving-names.ts';

const AUTHORITY = 'vfleet-webhook-authority';

/**
 * For clusters where cert-manager issues certificates (cert-manager.io/v1): an authority of its own for the webhooks, and their certificate in the Secret
 * that an operator with `--webhook-certificates=provided` serves with. No injector of CA bundles is needed: the operator trusts what is in `ca.crt`.
 */
export function certManagerObjects(namespace: string): readonly object[] {
  const object = (kind: string, name: string, spec: object) => ({ apiVersion: 'cert-manager.io/v1', kind, metadata: { name, namespace }, spec });
  const privateKey = { algorithm: 'ECDSA', size: 256, rotationPolicy: 'Always' };
  return [
    object('Issuer', 'vfleet-self-signed', { selfSigned: {} }),
    object('Certificate', AUTHORITY, { isCA: true, commonName: AUTHORITY, secretName: AUTHORITY, duration: '87600h', renewBefore: '8760h', privateKey, issuerRef: { kind: 'Issuer', name: 'vfleet-self-signed' } }),
    object('Issuer', AUTHORITY, { ca: { secretName: AUTHORITY } }),
    object('Certificate', 'vfleet-webhooks', {
      secretName: SERVING_SECRET, dnsNames: servingNames({ kind: 'service' }, namespace).dnsNames, duration: '8760h', renewBefore: '720h', usages: ['digital signature', 'server auth'], privateKey, issuerRef: { kind: 'Issuer', name: AUTHORITY },
    }),
  ];
}
