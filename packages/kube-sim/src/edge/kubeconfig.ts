/** A kubeconfig for one server and one user. JSON, which is YAML too. */
export function kubeconfig(url: string, caCertificate: string, token: string): string {
  const name = 'vfleet';
  return `${JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: url, 'certificate-authority-data': Buffer.from(caCertificate).toString('base64') } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  }, null, 2)}\n`;
}
