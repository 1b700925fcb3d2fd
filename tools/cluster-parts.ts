/** Parts of `npm run test:cluster` that have a node of their own, in their order; `folder` is below test/cluster. */
export const nodeParts = {
  node: { folder: 'kubelet', bail: 1, results: 'cluster-kubelet', ours: 'operator with webhooks, vfleet node (config daemon, device plugin, CNI), the meta-plugin in the place of Multus, as processes' },
  images: { folder: 'images', bail: 1, results: 'cluster-images', ours: 'the image and the manifests as they are delivered: operator, node and CNI as pods' },
  multus: { folder: 'multus', bail: 1, results: 'cluster-multus', ours: 'the image, and the manifests and the chart as they are delivered' },
  'least-rights': { folder: 'least-rights', bail: 0, results: 'cluster-least-rights', ours: 'the image and the manifests as they are delivered, less one right of the daemon at a time' },
} as const;
